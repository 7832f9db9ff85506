package config

import (
	"reflect"
	"strings"
)

// NeedRestart names the settings that differ between two configurations and that a reload does
// not apply: those that are tagged so in Config. The manual names the same.
func NeedRestart(old, now *Config) []string {
	return differences("", reflect.ValueOf(*old), reflect.ValueOf(*now))
}

func differences(path string, old, now reflect.Value) []string {
	var out []string
	for i := range old.NumField() {
		f := old.Type().Field(i)
		p := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
		switch {
		case f.Tag.Get("reload") == "restart":
			if !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
				out = append(out, p)
			}
		case f.Type.Kind() == reflect.Struct:
			out = append(out, differences(p, old.Field(i), now.Field(i))...)
		}
	}
	return out
}
