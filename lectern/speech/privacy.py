"""Between whom a sound is shared: whoever asks for the same text gets the same sound.

That saves most of what is spoken twice, and tells something: a text that is there at
once was somebody's before. Whoever must not learn that gets sounds of their own, by a
key that nobody else's text can have.
"""

from enum import StrEnum

from lectern.accounts.people import Principal, Role


class AudioScope(StrEnum):
    """Between whom sounds are shared; the value is a setting."""

    PRIVATE = "private"  # each person has their own
    WORKSPACE = "workspace"  # those who sign in; each guest has their own
    EVERYONE = "everyone"  # guests as well


def sound_owner(scope: AudioScope, owner: Principal) -> str:
    """Return who alone may meet with a person's sounds; empty where they are shared.

    ``owner`` is whose text it is. Whom a document is shared with hears the sounds of
    the document.
    """
    if scope is AudioScope.EVERYONE:
        return ""
    if scope is AudioScope.WORKSPACE and owner.role is not Role.GUEST:
        return ""
    return owner.owner_id
