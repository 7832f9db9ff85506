package ole

// function is a formula function, with its number of arguments if fixed.
type function struct {
	name      string
	arguments int
}

// functions are those used in macro sheets, by the numbers of MS-XLS, 2.5.198.17; from
// 0x8000 on they are commands, 2.5.198.4. Others are shown by number.
var functions = map[uint16]function{
	0: {"COUNT", 0}, 1: {"IF", 3}, 2: {"ISNA", 1}, 3: {"ISERROR", 1}, 4: {"SUM", 0}, 5: {"AVERAGE", 0}, 6: {"MIN", 0}, 7: {"MAX", 0},
	8: {"ROW", 1}, 9: {"COLUMN", 1}, 10: {"NA", 0}, 19: {"PI", 0}, 20: {"SQRT", 1}, 24: {"ABS", 1}, 25: {"INT", 1}, 26: {"SIGN", 1},
	27: {"ROUND", 2}, 28: {"LOOKUP", 3}, 29: {"INDEX", 4}, 30: {"REPT", 2}, 31: {"MID", 3}, 32: {"LEN", 1}, 33: {"VALUE", 1},
	34: {"TRUE", 0}, 35: {"FALSE", 0}, 36: {"AND", 0}, 37: {"OR", 0}, 38: {"NOT", 1}, 39: {"MOD", 2}, 48: {"TEXT", 2}, 53: {"GOTO", 1},
	54: {"HALT", 1}, 55: {"RETURN", 1}, 63: {"RAND", 0}, 64: {"MATCH", 3}, 65: {"DATE", 3}, 66: {"TIME", 3}, 67: {"DAY", 1},
	68: {"MONTH", 1}, 69: {"YEAR", 1}, 70: {"WEEKDAY", 2}, 71: {"HOUR", 1}, 72: {"MINUTE", 1}, 73: {"SECOND", 1}, 74: {"NOW", 0},
	75: {"AREAS", 1}, 76: {"ROWS", 1}, 77: {"COLUMNS", 1}, 78: {"OFFSET", 5}, 79: {"ABSREF", 2}, 80: {"RELREF", 2}, 81: {"ARGUMENT", 3},
	82: {"SEARCH", 3}, 83: {"TRANSPOSE", 1}, 84: {"ERROR", 2}, 85: {"STEP", 0}, 86: {"TYPE", 1}, 87: {"ECHO", 1}, 88: {"SET.NAME", 2},
	89: {"CALLER", 0}, 90: {"DEREF", 1}, 91: {"WINDOWS", 2}, 93: {"DOCUMENTS", 2}, 94: {"ACTIVE.CELL", 0}, 95: {"SELECTION", 0},
	96: {"RESULT", 1}, 100: {"CHOOSE", 0}, 101: {"HLOOKUP", 4}, 102: {"VLOOKUP", 4}, 103: {"LINKS", 2}, 104: {"INPUT", 7},
	105: {"ISREF", 1}, 106: {"GET.FORMULA", 1}, 107: {"GET.NAME", 2}, 108: {"SET.VALUE", 2}, 109: {"LOG", 2}, 110: {"EXEC", 4},
	111: {"CHAR", 1}, 112: {"LOWER", 1}, 113: {"UPPER", 1}, 114: {"PROPER", 1}, 115: {"LEFT", 2}, 116: {"RIGHT", 2}, 117: {"EXACT", 2},
	118: {"TRIM", 1}, 119: {"REPLACE", 4}, 120: {"SUBSTITUTE", 4}, 121: {"CODE", 1}, 122: {"NAMES", 3}, 123: {"DIRECTORY", 1},
	124: {"FIND", 3}, 125: {"CELL", 2}, 126: {"ISERR", 1}, 127: {"ISTEXT", 1}, 128: {"ISNUMBER", 1}, 129: {"ISBLANK", 1}, 130: {"T", 1},
	131: {"N", 1}, 132: {"FOPEN", 2}, 133: {"FCLOSE", 1}, 134: {"FSIZE", 1}, 135: {"FREADLN", 1}, 136: {"FREAD", 2}, 137: {"FWRITELN", 2},
	138: {"FWRITE", 2}, 139: {"FPOS", 2}, 140: {"DATEVALUE", 1}, 141: {"TIMEVALUE", 1}, 145: {"GET.DEF", 3}, 146: {"REFTEXT", 2},
	147: {"TEXTREF", 2}, 148: {"INDIRECT", 2}, 149: {"REGISTER", 0}, 150: {"CALL", 0}, 154: {"ENABLE.COMMAND", 5}, 162: {"CLEAN", 1},
	166: {"FILES", 2}, 169: {"COUNTA", 0}, 170: {"CANCEL.KEY", 2}, 171: {"FOR", 4}, 172: {"WHILE", 1}, 173: {"BREAK", 0}, 174: {"NEXT", 0},
	175: {"INITIATE", 2}, 176: {"REQUEST", 2}, 177: {"POKE", 3}, 178: {"EXECUTE", 2}, 179: {"TERMINATE", 1}, 180: {"RESTART", 1},
	185: {"GET.CELL", 2}, 186: {"GET.WORKSPACE", 1}, 187: {"GET.WINDOW", 2}, 188: {"GET.DOCUMENT", 2}, 191: {"GET.NOTE", 3},
	197: {"TRUNC", 2}, 198: {"ISLOGICAL", 1}, 201: {"UNREGISTER", 1}, 212: {"ROUNDUP", 2}, 213: {"ROUNDDOWN", 2}, 219: {"ADDRESS", 5},
	221: {"TODAY", 0}, 223: {"ELSE", 0}, 224: {"ELSE.IF", 1}, 225: {"END.IF", 0}, 226: {"FOR.CELL", 3}, 237: {"VOLATILE", 1},
	238: {"LAST.ERROR", 0}, 241: {"FORMULA.CONVERT", 5}, 244: {"INFO", 1}, 257: {"EVALUATE", 1}, 261: {"ERROR.TYPE", 1},
	262: {"APP.TITLE", 1}, 267: {"REGISTER.ID", 3}, 268: {"GET.WORKBOOK", 2}, 336: {"CONCATENATE", 0}, 359: {"HYPERLINK", 2},
	0x8000: {"BEEP", 1}, 0x8001: {"OPEN", 0}, 0x8003: {"CLOSE.ALL", 0}, 0x8004: {"SAVE", 0}, 0x8005: {"SAVE.AS", 0},
	0x8006: {"FILE.DELETE", 1}, 0x800A: {"QUIT", 0}, 0x8010: {"CLOSE", 1}, 0x8011: {"RUN", 2}, 0x8060: {"FORMULA", 2},
	0x8061: {"FORMULA.FILL", 2}, 0x8062: {"FORMULA.ARRAY", 2}, 0x8076: {"ALERT", 3}, 0x807D: {"APP.ACTIVATE", 2},
	0x8083: {"SEND.KEYS", 2}, 0x817F: {"WORKBOOK.HIDE", 2},
}
