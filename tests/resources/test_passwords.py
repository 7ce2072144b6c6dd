"""Passwords are kept as argon2id, whatever keyboard wrote them, and checked alike."""

from argon2 import PasswordHasher, extract_parameters

from resources import passwords


def test_a_password_is_kept_as_argon2id_and_known_again():
    kept = passwords.hashed("Zürich am See")  # with a composed letter

    parameters = extract_parameters(kept)
    assert kept.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost) == (46 * 1024, 1)
    assert passwords.matches(kept, "Zu\u0308rich am See")  # and with two
    assert not passwords.matches(kept, "zürich am see")
    assert not passwords.matches("damaged", "Zürich am See")
    assert not passwords.matches(None, "Zürich am See")


def test_a_long_password_is_not_cut():
    kept = passwords.hashed("x" * 200)

    assert not passwords.matches(kept, "x" * 199)


def test_a_password_of_weaker_parameters_is_kept_anew():
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)

    assert passwords.is_outdated(weak.hash("a lamp beside"))
    assert not passwords.is_outdated(passwords.hashed("a lamp beside"))
