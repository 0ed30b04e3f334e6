package jinja

import "strings"

// Letters whose upper case, title case or folded form is more than one letter, or
// not what Go's tables of single letters say: Unicode's SpecialCasing.txt and
// CaseFolding.txt, as Python has them.
var (
	upperSpecial = casing("ß=SS ŉ=ʼN ǰ=J\u030c ΐ=Ι\u0308\u0301 ΰ=Υ\u0308\u0301 և=ԵՒ ẖ=H\u0331 ẗ=T\u0308 ẘ=W\u030a ẙ=Y\u030a ẚ=Aʾ ὐ=Υ\u0313 ὒ=Υ\u0313\u0300 ὔ=Υ\u0313\u0301 ὖ=Υ\u0313\u0342 ᾀ=ἈΙ ᾁ=ἉΙ ᾂ=ἊΙ ᾃ=ἋΙ ᾄ=ἌΙ ᾅ=ἍΙ ᾆ=ἎΙ ᾇ=ἏΙ ᾈ=ἈΙ ᾉ=ἉΙ ᾊ=ἊΙ ᾋ=ἋΙ ᾌ=ἌΙ ᾍ=ἍΙ ᾎ=ἎΙ ᾏ=ἏΙ ᾐ=ἨΙ ᾑ=ἩΙ ᾒ=ἪΙ ᾓ=ἫΙ ᾔ=ἬΙ ᾕ=ἭΙ ᾖ=ἮΙ ᾗ=ἯΙ ᾘ=ἨΙ ᾙ=ἩΙ ᾚ=ἪΙ ᾛ=ἫΙ ᾜ=ἬΙ ᾝ=ἭΙ ᾞ=ἮΙ ᾟ=ἯΙ ᾠ=ὨΙ ᾡ=ὩΙ ᾢ=ὪΙ ᾣ=ὫΙ ᾤ=ὬΙ ᾥ=ὭΙ ᾦ=ὮΙ ᾧ=ὯΙ ᾨ=ὨΙ ᾩ=ὩΙ ᾪ=ὪΙ ᾫ=ὫΙ ᾬ=ὬΙ ᾭ=ὭΙ ᾮ=ὮΙ ᾯ=ὯΙ ᾲ=ᾺΙ ᾳ=ΑΙ ᾴ=ΆΙ ᾶ=Α\u0342 ᾷ=Α\u0342Ι ᾼ=ΑΙ ῂ=ῊΙ ῃ=ΗΙ ῄ=ΉΙ ῆ=Η\u0342 ῇ=Η\u0342Ι ῌ=ΗΙ ῒ=Ι\u0308\u0300 ΐ=Ι\u0308\u0301 ῖ=Ι\u0342 ῗ=Ι\u0308\u0342 ῢ=Υ\u0308\u0300 ΰ=Υ\u0308\u0301 ῤ=Ρ\u0313 ῦ=Υ\u0342 ῧ=Υ\u0308\u0342 ῲ=ῺΙ ῳ=ΩΙ ῴ=ΏΙ ῶ=Ω\u0342 ῷ=Ω\u0342Ι ῼ=ΩΙ \ufb00=FF \ufb01=FI \ufb02=FL \ufb03=FFI \ufb04=FFL \ufb05=ST \ufb06=ST \ufb13=ՄՆ \ufb14=ՄԵ \ufb15=ՄԻ \ufb16=ՎՆ \ufb17=ՄԽ")
	titleSpecial = casing("ß=Ss ŉ=ʼN ǰ=J\u030c ΐ=Ι\u0308\u0301 ΰ=Υ\u0308\u0301 և=Եւ ẖ=H\u0331 ẗ=T\u0308 ẘ=W\u030a ẙ=Y\u030a ẚ=Aʾ ὐ=Υ\u0313 ὒ=Υ\u0313\u0300 ὔ=Υ\u0313\u0301 ὖ=Υ\u0313\u0342 ᾲ=Ὰ\u0345 ᾴ=Ά\u0345 ᾶ=Α\u0342 ᾷ=Α\u0342\u0345 ῂ=Ὴ\u0345 ῄ=Ή\u0345 ῆ=Η\u0342 ῇ=Η\u0342\u0345 ῒ=Ι\u0308\u0300 ΐ=Ι\u0308\u0301 ῖ=Ι\u0342 ῗ=Ι\u0308\u0342 ῢ=Υ\u0308\u0300 ΰ=Υ\u0308\u0301 ῤ=Ρ\u0313 ῦ=Υ\u0342 ῧ=Υ\u0308\u0342 ῲ=Ὼ\u0345 ῴ=Ώ\u0345 ῶ=Ω\u0342 ῷ=Ω\u0342\u0345 \ufb00=Ff \ufb01=Fi \ufb02=Fl \ufb03=Ffi \ufb04=Ffl \ufb05=St \ufb06=St \ufb13=Մն \ufb14=Մե \ufb15=Մի \ufb16=Վն \ufb17=Մխ")
	foldSpecial  = casing("µ=μ ß=ss ŉ=ʼn ſ=s ǰ=j\u030c \u0345=ι ΐ=ι\u0308\u0301 ΰ=υ\u0308\u0301 ς=σ ϐ=β ϑ=θ ϕ=φ ϖ=π ϰ=κ ϱ=ρ ϵ=ε և=եւ ᲀ=в ᲁ=д ᲂ=о ᲃ=с ᲄ=т ᲅ=т ᲆ=ъ ᲇ=ѣ ᲈ=ꙋ ẖ=h\u0331 ẗ=t\u0308 ẘ=w\u030a ẙ=y\u030a ẚ=aʾ ẛ=ṡ ẞ=ss ὐ=υ\u0313 ὒ=υ\u0313\u0300 ὔ=υ\u0313\u0301 ὖ=υ\u0313\u0342 ᾀ=ἀι ᾁ=ἁι ᾂ=ἂι ᾃ=ἃι ᾄ=ἄι ᾅ=ἅι ᾆ=ἆι ᾇ=ἇι ᾈ=ἀι ᾉ=ἁι ᾊ=ἂι ᾋ=ἃι ᾌ=ἄι ᾍ=ἅι ᾎ=ἆι ᾏ=ἇι ᾐ=ἠι ᾑ=ἡι ᾒ=ἢι ᾓ=ἣι ᾔ=ἤι ᾕ=ἥι ᾖ=ἦι ᾗ=ἧι ᾘ=ἠι ᾙ=ἡι ᾚ=ἢι ᾛ=ἣι ᾜ=ἤι ᾝ=ἥι ᾞ=ἦι ᾟ=ἧι ᾠ=ὠι ᾡ=ὡι ᾢ=ὢι ᾣ=ὣι ᾤ=ὤι ᾥ=ὥι ᾦ=ὦι ᾧ=ὧι ᾨ=ὠι ᾩ=ὡι ᾪ=ὢι ᾫ=ὣι ᾬ=ὤι ᾭ=ὥι ᾮ=ὦι ᾯ=ὧι ᾲ=ὰι ᾳ=αι ᾴ=άι ᾶ=α\u0342 ᾷ=α\u0342ι ᾼ=αι ι=ι ῂ=ὴι ῃ=ηι ῄ=ήι ῆ=η\u0342 ῇ=η\u0342ι ῌ=ηι ῒ=ι\u0308\u0300 ΐ=ι\u0308\u0301 ῖ=ι\u0342 ῗ=ι\u0308\u0342 ῢ=υ\u0308\u0300 ΰ=υ\u0308\u0301 ῤ=ρ\u0313 ῦ=υ\u0342 ῧ=υ\u0308\u0342 ῲ=ὼι ῳ=ωι ῴ=ώι ῶ=ω\u0342 ῷ=ω\u0342ι ῼ=ωι \ufb00=ff \ufb01=fi \ufb02=fl \ufb03=ffi \ufb04=ffl \ufb05=st \ufb06=st \ufb13=մն \ufb14=մե \ufb15=մի \ufb16=վն \ufb17=մխ")
)

// casing reads pairs of a letter and what becomes of it.
func casing(pairs string) map[rune]string {
	m := map[rune]string{}
	for _, pair := range strings.Fields(pairs) {
		from, to, _ := strings.Cut(pair, "=")
		m[[]rune(from)[0]] = to
	}
	return m
}

// respell replaces letters by what a table says, and by what f says of others.
func respell(s string, special map[rune]string, f func(rune) rune) string {
	var b strings.Builder
	for _, r := range s {
		if to, ok := special[r]; ok {
			b.WriteString(to)
		} else {
			b.WriteRune(f(r))
		}
	}
	return b.String()
}
