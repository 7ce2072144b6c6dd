"""What a voice says when somebody wants to hear it: a sentence of its own language."""

from lectern.speech.voices import primary_language

COUNTING = "1, 2, 3, 4, 5, 6, 7."
"""Said where there is no sentence: every voice reads digits in its own language."""

SENTENCES = {
    "af": "Die see is vandag stil, en daar is tyd om te lees.",
    "ar": "البحر هادئ اليوم، وهناك وقت للقراءة.",
    "bg": "Морето е спокойно днес и има време за четене.",
    "bn": "আজ সমুদ্র শান্ত, আর পড়ার সময় আছে।",
    "ca": "Avui el mar està tranquil i hi ha temps per llegir.",
    "cs": "Moře je dnes klidné a je čas na čtení.",
    "cy": "Mae'r môr yn dawel heddiw, ac mae amser i ddarllen.",
    "da": "Havet er stille i dag, og der er tid til at læse.",
    "de": "Das Meer ist heute ruhig, und es ist Zeit zum Lesen.",
    "el": "Η θάλασσα είναι ήρεμη σήμερα και υπάρχει χρόνος για διάβασμα.",
    "en": "The sea is calm today, and there is time to read.",
    "eo": "La maro estas trankvila hodiaŭ, kaj estas tempo por legi.",
    "es": "El mar está tranquilo hoy y hay tiempo para leer.",
    "et": "Meri on täna vaikne ja lugemiseks on aega.",
    "eu": "Itsasoa bare dago gaur, eta irakurtzeko denbora dago.",
    "fa": "دریا امروز آرام است و برای خواندن وقت هست.",
    "fi": "Meri on tänään tyyni, ja on aikaa lukea.",
    "fr": "La mer est calme aujourd'hui, et il y a le temps de lire.",
    "gl": "O mar está tranquilo hoxe e hai tempo para ler.",
    "gu": "આજે દરિયો શાંત છે, અને વાંચવા માટે સમય છે.",
    "he": "הים שקט היום, ויש זמן לקרוא.",
    "hi": "आज समुद्र शांत है, और पढ़ने का समय है।",
    "hr": "More je danas mirno i ima vremena za čitanje.",
    "hu": "A tenger ma nyugodt, és van idő olvasni.",
    "id": "Laut tenang hari ini, dan ada waktu untuk membaca.",
    "is": "Sjórinn er lygn í dag og það er tími til að lesa.",
    "it": "Il mare è calmo oggi e c'è tempo per leggere.",
    "ja": "今日は海が静かで、本を読む時間があります。",
    "kn": "ಇಂದು ಸಮುದ್ರ ಶಾಂತವಾಗಿದೆ, ಮತ್ತು ಓದಲು ಸಮಯವಿದೆ.",
    "ko": "오늘은 바다가 고요하고 책을 읽을 시간이 있습니다.",
    "la": "Mare hodie tranquillum est, et tempus legendi habemus.",
    "lt": "Jūra šiandien rami, ir yra laiko skaityti.",
    "lv": "Jūra šodien ir mierīga, un ir laiks lasīt.",
    "mk": "Морето е мирно денес и има време за читање.",
    "ml": "ഇന്ന് കടൽ ശാന്തമാണ്, വായിക്കാൻ സമയമുണ്ട്.",
    "mr": "आज समुद्र शांत आहे आणि वाचायला वेळ आहे.",
    "ms": "Laut tenang hari ini, dan ada masa untuk membaca.",
    "nl": "De zee is vandaag kalm en er is tijd om te lezen.",
    "no": "Havet er stille i dag, og det er tid til å lese.",
    "pa": "ਅੱਜ ਸਮੁੰਦਰ ਸ਼ਾਂਤ ਹੈ, ਅਤੇ ਪੜ੍ਹਨ ਦਾ ਸਮਾਂ ਹੈ।",
    "pl": "Morze jest dziś spokojne i jest czas na czytanie.",
    "pt": "O mar está calmo hoje, e há tempo para ler.",
    "ro": "Marea este liniștită astăzi și este timp pentru citit.",
    "ru": "Море сегодня спокойно, и есть время почитать.",
    "sk": "More je dnes pokojné a je čas na čítanie.",
    "sl": "Morje je danes mirno in čas je za branje.",
    "sq": "Deti është i qetë sot dhe ka kohë për të lexuar.",
    "sr": "More je danas mirno i ima vremena za čitanje.",
    "sv": "Havet är lugnt i dag, och det finns tid att läsa.",
    "sw": "Bahari ni tulivu leo, na kuna muda wa kusoma.",
    "ta": "இன்று கடல் அமைதியாக இருக்கிறது, படிக்க நேரம் இருக்கிறது.",
    "te": "ఈ రోజు సముద్రం ప్రశాంతంగా ఉంది, చదవడానికి సమయం ఉంది.",
    "th": "วันนี้ทะเลสงบ และมีเวลาอ่านหนังสือ",
    "tl": "Payapa ang dagat ngayon, at may oras para magbasa.",
    "tr": "Deniz bugün sakin ve okumak için zaman var.",
    "uk": "Море сьогодні спокійне, і є час почитати.",
    "ur": "آج سمندر پرسکون ہے، اور پڑھنے کے لیے وقت ہے۔",
    "vi": "Hôm nay biển lặng, và có thời gian để đọc sách.",
    "zh": "今天海面很平静，有时间读书。",
}


def preview_text(language: str) -> str:
    """Return what a voice of this language says for a preview."""
    return SENTENCES.get(primary_language(language), COUNTING)
