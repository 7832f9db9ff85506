package mdm

import "strings"

// Prefixes that clients put before a subject, in their languages.
var (
	replyMarks   = words("re aw antw antwort sv vs svar odp ynt atb r rif res resp réf ref rv回 回复 回覆 答复 答覆 返信 回信 답장 отв απ σχετ vá hàm vl bls тr")
	forwardMarks = words("fw fwd wg tr rv enc i fs vb doorst pd vl továbbítás i̇lt ilt trs 转发 轉寄 轉發 転送 전달 пересл πρθ továb")
)

func words(s string) map[string]bool {
	out := make(map[string]bool)
	for w := range strings.FieldsSeq(s) {
		out[w] = true
	}
	return out
}

// autoReplies are prefixes of subjects of automatic answers.
var autoReplies = []string{
	"automatic reply:", "auto:", "autoreply:", "auto reply:", "out of office", "automatische antwort:", "abwesenheitsnotiz", "réponse automatique",
	"respuesta automática", "risposta automatica", "resposta automática", "automatisch antwoord", "automatyczna odpowiedź", "autosvar", "自动回复", "自動返信", "자동 회신",
}

// maxMarks bounds the prefixes and tags of one subject.
const maxMarks = 50

// NewSubject splits a subject into tags, prefixes and base.
func NewSubject(s string) Subject {
	out := Subject{Subject: s, Tags: []string{}}
	lower := strings.ToLower(s)
	for _, a := range autoReplies {
		out.IsAutoReply = out.IsAutoReply || strings.HasPrefix(lower, a)
	}
	rest := strings.TrimSpace(s)
	for range maxMarks {
		if tag, after, ok := cutTag(rest); ok {
			out.Tags, rest = append(out.Tags, tag), after
			continue
		}
		mark, after, ok := cutMark(rest)
		if !ok {
			break
		}
		out.IsReply, out.IsForward = out.IsReply || replyMarks[mark], out.IsForward || forwardMarks[mark]
		rest = after
	}
	out.Base = text(rest)
	return out
}

// cutTag cuts "[EXTERNAL]" from the front.
func cutTag(s string) (tag, rest string, ok bool) {
	end := strings.IndexByte(s, ']')
	if !strings.HasPrefix(s, "[") || end < 2 || end > 60 {
		return "", s, false
	}
	return s[:end+1], strings.TrimSpace(s[end+1:]), true
}

// cutMark cuts "Re:", "RE[2]:" or "Fwd：" from the front.
func cutMark(s string) (mark, rest string, ok bool) {
	mark, rest, ok = strings.Cut(s, ":")
	if wide, after, found := strings.Cut(s, "："); found && (!ok || len(wide) < len(mark)) {
		mark, rest, ok = wide, after, true
	}
	if !ok || len(mark) > 24 {
		return "", s, false
	}
	mark = strings.ToLower(strings.TrimSpace(mark))
	if i := strings.IndexAny(mark, "[(0123456789"); i > 0 { // reply counter
		mark = strings.TrimSpace(mark[:i])
	}
	if !replyMarks[mark] && !forwardMarks[mark] {
		return "", s, false
	}
	return mark, strings.TrimSpace(rest), true
}
