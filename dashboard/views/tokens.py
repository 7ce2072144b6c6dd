"""Settings: the tokens by which programs speak through Lectern."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.accounts.tokens import NAME_CHARS, ApiToken, Scope
from lectern.errors import LecternError

_NEW = "_new_token"

SCOPES = {Scope.SPEECH: "Speak", Scope.VOICES: "List voices"}
EXPIRIES: dict[str, timedelta | None] = {
    "Never": None,
    "After 30 days": timedelta(days=30),
    "After 90 days": timedelta(days=90),
    "After a year": timedelta(days=365),
}


def show_tokens() -> None:
    """Show the tokens, and how to make one."""
    st.header("API tokens", anchor=False)
    st.markdown(
        "A program that speaks through OpenAI can speak through Lectern: give it this "
        "address and a token. It hears your voices and never sees your documents."
    )
    st.code(f"{_address()}/v1", language=None)
    if st.button("Make a token…", icon=":material/add:", type="primary"):
        st.session_state.pop(_NEW, None)
        _make()
    tokens = session.services().tokens.list(session.principal())
    if not tokens:
        st.caption("There are no tokens yet.")
    now = datetime.now(UTC)
    for token in tokens:
        _show_token(token, now)


def _address() -> str:
    """Return where this page was asked for, without its path."""
    scheme, _, rest = (st.context.url or "").partition("://")
    return f"{scheme}://{rest.split('/')[0]}" if rest else "http://127.0.0.1:8710"


def _show_token(token: ApiToken, now: datetime) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"token-{token.id}",
    ):
        st.markdown(
            f"**{wording.plain(token.name)}** `{token.prefix}…`  \n"
            f":gray[{wording.plain(_line(token, now))}]",
            width="stretch",
        )
        with st.popover("Revoke", icon=":material/block:", type="tertiary"):
            st.markdown("Programs that use it stop working at once.")
            st.button(
                "Revoke it",
                key=f"revoke-{token.id}",
                on_click=_revoke,
                args=(token.id,),
            )


def _line(token: ApiToken, now: datetime) -> str:
    parts = [", ".join(SCOPES[scope] for scope in SCOPES if scope in token.scopes)]
    parts.append(f"made {wording.ago(token.created_at, now)}")
    if token.last_used_at is None:
        parts.append("never used")
    else:
        parts.append(f"used {wording.ago(token.last_used_at, now)}")
    if token.expires_at is not None:
        is_over = token.expires_at <= now
        parts.append(
            f"{'over since' if is_over else 'until'} {token.expires_at:%-d %B %Y}"
        )
    return " · ".join(parts)


def _revoke(token_id: str) -> None:
    try:
        session.services().tokens.revoke(session.principal(), token_id)
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")


@st.dialog("Make a token", on_dismiss="rerun")
def _make() -> None:
    """Ask for a name and what the token allows; show its text once."""
    if secret := st.session_state.get(_NEW):
        _show_secret(secret)
        return
    with st.form("token", border=False):
        name = st.text_input(
            "Name", placeholder="What it is for: my phone", max_chars=NAME_CHARS
        )
        scopes = st.pills(
            "It may",
            list(SCOPES),
            default=list(SCOPES),
            format_func=SCOPES.__getitem__,
            selection_mode="multi",
        )
        expiry = st.selectbox("It ends", list(EXPIRIES))
        if not st.form_submit_button("Make", type="primary"):
            return
    ends_after = EXPIRIES[expiry]
    try:
        _, secret = session.services().tokens.make(
            session.principal(),
            name=name,
            scopes=scopes,
            expires_at=datetime.now(UTC) + ends_after if ends_after else None,
        )
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.session_state[_NEW] = secret
    st.rerun(scope="fragment")


def _show_secret(secret: str) -> None:
    st.markdown("Copy it now. It is shown this once, and kept nowhere.")
    st.code(secret, language=None, wrap_lines=True)
    if st.button("I have it", type="primary"):
        del st.session_state[_NEW]
        st.rerun()
