"""Language codes as sound files want them: three letters, ISO 639-2."""

_PAIRS = """
af=afr am=amh ar=ara az=aze be=bel bg=bul bn=ben bs=bos ca=cat cs=ces cy=cym
da=dan de=deu el=ell en=eng eo=epo es=spa et=est eu=eus fa=fas fi=fin fr=fra
ga=gle gl=glg gu=guj he=heb hi=hin hr=hrv hu=hun hy=hye id=ind is=isl it=ita
ja=jpn ka=kat kk=kaz kn=kan ko=kor la=lat lt=lit lv=lav mk=mkd ml=mal mr=mar
ms=msa my=mya nb=nob ne=nep nl=nld nn=nno no=nor pa=pan pl=pol pt=por ro=ron
ru=rus si=sin sk=slk sl=slv sq=sqi sr=srp sv=swe sw=swa ta=tam te=tel th=tha
tl=tgl tr=tur uk=ukr ur=urd vi=vie zh=zho
"""
THREE_LETTERS = dict(pair.split("=") for pair in _PAIRS.split())


def three_letters(language: str) -> str:
    """Return the code of a BCP 47 language; "und" for one that is not known here."""
    primary = language.lower().partition("-")[0]
    if len(primary) == 3 and primary.isalpha():
        return primary
    return THREE_LETTERS.get(primary, "und")
