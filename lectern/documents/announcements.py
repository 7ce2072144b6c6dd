"""The few words that are said in place of what is not read out, by language.

They are spoken by the voice of the text around them, so they have to be in its
language. A language that is missing here is answered in English.
"""

from lectern.documents.pages import BlockKind, SpanKind

Named = BlockKind | SpanKind

_ORDER: tuple[Named, ...] = (
    BlockKind.TABLE,
    BlockKind.CODE,
    BlockKind.MATHS,
    BlockKind.CAPTION,
    BlockKind.FOOTNOTE,
    BlockKind.LIST,
    BlockKind.QUOTE,
    BlockKind.HEADING,
    BlockKind.PARAGRAPH,
    BlockKind.FURNITURE,
    SpanKind.CITATION,
    SpanKind.NOTE_MARK,
    SpanKind.LINK,
)
_WORDS: dict[str, str] = {
    "en": "table|code|formula|caption|footnote|list|quotation|heading|paragraph|"
    "page furniture|citation|note|link",
    "de": "Tabelle|Code|Formel|Bildunterschrift|Fußnote|Liste|Zitat|Überschrift|"
    "Absatz|Kolumnentitel|Quellenangabe|Anmerkung|Link",
    "fr": "tableau|code|formule|légende|note de bas de page|liste|citation|titre|"
    "paragraphe|titre courant|référence|note|lien",
    "es": "tabla|código|fórmula|leyenda|nota al pie|lista|cita|título|párrafo|"
    "encabezado|referencia|nota|enlace",
    "it": "tabella|codice|formula|didascalia|nota a piè di pagina|elenco|citazione|"
    "titolo|paragrafo|intestazione|riferimento|nota|collegamento",
    "pt": "tabela|código|fórmula|legenda|nota de rodapé|lista|citação|título|"
    "parágrafo|cabeçalho|referência|nota|ligação",
    "nl": "tabel|code|formule|bijschrift|voetnoot|lijst|citaat|kop|alinea|"
    "paginakop|verwijzing|noot|link",
    "pl": "tabela|kod|wzór|podpis|przypis|lista|cytat|nagłówek|akapit|żywa pagina|"
    "odsyłacz|przypis|odnośnik",
    "sv": "tabell|kod|formel|bildtext|fotnot|lista|citat|rubrik|stycke|sidhuvud|"
    "källhänvisning|not|länk",
    "da": "tabel|kode|formel|billedtekst|fodnote|liste|citat|overskrift|afsnit|"
    "sidehoved|henvisning|note|link",
    "fi": "taulukko|koodi|kaava|kuvateksti|alaviite|luettelo|lainaus|otsikko|"
    "kappale|yläotsikko|viite|huomautus|linkki",
    "cs": "tabulka|kód|vzorec|popisek|poznámka pod čarou|seznam|citát|nadpis|"
    "odstavec|záhlaví|odkaz na zdroj|poznámka|odkaz",
    "ru": "таблица|код|формула|подпись|сноска|список|цитата|заголовок|абзац|"
    "колонтитул|ссылка на источник|примечание|ссылка",
    "uk": "таблиця|код|формула|підпис|виноска|список|цитата|заголовок|абзац|"
    "колонтитул|посилання на джерело|примітка|посилання",
    "tr": "tablo|kod|formül|açıklama|dipnot|liste|alıntı|başlık|paragraf|"
    "sayfa başlığı|kaynak|not|bağlantı",
    "zh": "表格|代码|公式|图注|脚注|列表|引文|标题|段落|页眉|引用|注释|链接",
    "ja": "表|コード|数式|図の説明|脚注|リスト|引用|見出し|段落|柱|出典|注|リンク",
    "ko": "표|코드|수식|그림 설명|각주|목록|인용문|제목|단락|머리글|출처|주석|링크",
    "ar": "جدول|شفرة|معادلة|تعليق|حاشية|قائمة|اقتباس|عنوان|فقرة|"
    "ترويسة|مرجع|ملاحظة|رابط",
}
_LINK_TO: dict[str, str] = {
    "en": "link to {}",
    "de": "Link zu {}",
    "fr": "lien vers {}",
    "es": "enlace a {}",
    "it": "collegamento a {}",
    "pt": "ligação para {}",
    "nl": "link naar {}",
    "pl": "odnośnik do {}",
    "sv": "länk till {}",
    "da": "link til {}",
    "cs": "odkaz na {}",
    "ru": "ссылка на {}",
    "uk": "посилання на {}",
}
_TABLE = {
    language: dict(zip(_ORDER, words.split("|"), strict=True))
    for language, words in _WORDS.items()
}
FALLBACK = "en"


def name_of(kind: Named, language: str) -> str:
    """Return the word for a kind of text."""
    return _TABLE.get(language, _TABLE[FALLBACK]).get(kind, str(kind.value))


def sentence_of(kind: Named, language: str) -> str:
    """Return the word for a kind of text as a sentence of its own."""
    word = name_of(kind, language)
    stop = "。" if language in ("zh", "ja") else "."
    return word[0].upper() + word[1:] + stop


def link_to(host: str, language: str) -> str:
    """Return what is said in place of a bare address."""
    form = _LINK_TO.get(language)
    if form is None and language in _TABLE:
        return f"{name_of(SpanKind.LINK, language)} {host}"
    return (form or _LINK_TO[FALLBACK]).format(host)
