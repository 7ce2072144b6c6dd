"""The ways in that somebody has elsewhere: to connect, and to take away."""

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.accounts.elsewhere import PROXY_ISSUER
from lectern.accounts.people import Person, Role
from lectern.errors import LecternError


def show_ways_in(person: Person) -> None:
    """Show the providers by which this person comes in, or may."""
    providers = session.here().settings.accounts.oidc
    if person.role is Role.GUEST or not providers:
        return
    elsewhere = session.services().accounts_elsewhere()
    mine = {one.issuer for one in elsewhere.identities.list(person.principal)}
    st.subheader("Other ways to sign in", anchor=False)
    for name, provider in providers.items():
        title = provider.title or name
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"way-{name}"
        ):
            state = "connected" if provider.issuer in mine else "not connected"
            st.markdown(
                f"**{wording.plain(title)}**  \n:gray[{state}]", width="stretch"
            )
            if provider.issuer not in mine:
                if st.button("Connect…", key=f"connect-{name}"):
                    session.lead_to(f"/sign-in/with/{name}?connect=1&next=/settings")
            else:
                st.button(
                    "Disconnect",
                    key=f"disconnect-{name}",
                    type="tertiary",
                    on_click=_disconnect,
                    args=(provider.issuer,),
                )


def comes_by_proxy(person: Person) -> bool:
    """Whether the web server in front says who this is."""
    elsewhere = session.services().accounts_elsewhere()
    mine = elsewhere.identities.list(person.principal)
    return any(one.issuer == PROXY_ISSUER for one in mine)


def _disconnect(issuer: str) -> None:
    elsewhere = session.services().accounts_elsewhere()
    try:
        elsewhere.disconnect(session.principal(), issuer)
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
