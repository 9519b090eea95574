"""People: inviting, roles, letting go; and that nobody takes more than he may give."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from dashboard.management.commands.demo import PASSWORD
from dashboard.models import Invitation
from dashboard.people.urls import urlpatterns
from history.models import TrailEntry
from history.permissions import ROLES, Right, allowed
from tests.dashboard.test_sign_in import is_in, set_up_app, sign_in, text

ROOT = Path(__file__).parent.parent.parent
NEW = "a-long-enough-one-7"


def link_in(answer) -> str:
    """Path and query of the link that a page shows."""
    found = re.search(r'<code class="anywhere">(http\S+)</code>', answer.content.decode())
    assert found, text(answer)
    parts = urlsplit(found[1])
    return f"{parts.path}?{parts.query}"


def invited(client: Client, *roles: str, note: str = "Ann", days: int = 7) -> str:
    answer = client.post("/people/invite/", {"note": note, "roles": roles, "days": days})
    return link_in(answer)


def join(link: str, name: str = "ann", password: str = NEW):
    client = Client()
    form = {"username": name, "password1": password, "password2": password}
    return client, client.post(link, form)


# Who gets there


@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_admins_and_owners_reach_people(role: str, client_as: Callable[[str], Client]) -> None:
    client = client_as(role)
    for address in urlpatterns:
        if address.name == "join":
            continue
        path = "/" + re.sub(r"<int:\w+>", "999999", str(address.pattern))
        statuses = {client.get(path).status_code, client.post(path).status_code}
        if role in ("admin", "owner"):
            assert 403 not in statuses, path
        else:
            assert statuses <= {403, 405}, path
            assert 403 in statuses, path


def test_the_list_shows_roles_second_factor_and_state(people: dict[str, User]) -> None:
    set_up_app(sign_in("agent"))
    User.objects.filter(username="finance").update(is_active=False)
    page = text(sign_in("admin").get("/people/"))
    assert re.search(r"agent agent .{3,30} on active", page)
    assert re.search(r"finance finance .{1,12} off deactivated", page)


def test_the_page_says_what_each_role_may(client_as: Callable[[str], Client]) -> None:
    page = text(client_as("admin").get("/people/"))
    assert "May agent supervisor finance admin auditor owner" in page
    assert re.search(r"see transactions (\S+ ){2}yes yes \S+ yes", page)


# Inviting


def test_the_invited_choose_name_and_password_and_get_the_roles(
    client_as: Callable[[str], Client],
) -> None:
    link = invited(client_as("admin"), "agent", "finance")
    client, answer = join(link)
    assert answer.status_code == 302
    assert client.get("/reports/").status_code == 200
    assert client.get("/people/").status_code == 403
    assert is_in(sign_in("ann", password=NEW))


def test_a_link_opens_once(client_as: Callable[[str], Client]) -> None:
    link = invited(client_as("admin"), "agent")
    join(link)
    client, answer = join(link, "eve")
    assert answer.status_code == 410
    assert "This link was used" in text(answer)
    assert not User.objects.filter(username="eve").exists()
    assert not is_in(client)


def test_an_old_link_says_until_when_it_opened(client_as: Callable[[str], Client]) -> None:
    link = invited(client_as("admin"), "agent", days=3)
    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=1)):
        answer = join(link)[1]
    assert answer.status_code == 410
    assert "This link is too old" in text(answer)


def test_a_withdrawn_link_opens_nothing(client_as: Callable[[str], Client]) -> None:
    admin = client_as("admin")
    link = invited(admin, "agent")
    page = admin.post(f"/people/invitations/{Invitation.objects.get().pk}/withdraw/", follow=True)
    assert "The invitation is withdrawn" in page.content.decode()
    assert "This link opens nothing" in text(join(link)[1])


def test_a_link_that_never_was_opens_nothing(db: None, client: Client) -> None:
    assert client.get("/accounts/join/?key=forged").status_code == 410
    assert client.get("/accounts/join/").status_code == 410


def test_a_taken_name_or_weak_password_keeps_the_link(client_as: Callable[[str], Client]) -> None:
    link = invited(client_as("admin"), "agent")
    assert "already exists" in text(join(link, "Agent")[1])
    assert "too short" in text(join(link, "ann", "x7")[1])
    assert join(link)[1].status_code == 302


def test_the_link_is_kept_as_a_hash_only(client_as: Callable[[str], Client]) -> None:
    secret = invited(client_as("admin"), "agent").partition("key=")[2]
    assert secret not in str(list(Invitation.objects.values()))
    assert secret not in str(list(TrailEntry.objects.values()))


def test_an_invitation_without_roles_says_what_to_do(client_as: Callable[[str], Client]) -> None:
    page = client_as("admin").post("/people/invite/", {"note": "Ann", "days": 7})
    assert "Tick at least one role." in text(page)
    assert 'value="Ann"' in page.content.decode()
    assert not Invitation.objects.exists()


def test_an_admin_cannot_invite_an_owner(client_as: Callable[[str], Client]) -> None:
    form = {"note": "Eve", "roles": ["owner"], "days": 7}
    page = client_as("admin").post("/people/invite/", form)
    assert "owner is not one of the available choices" in text(page)
    assert invited(client_as("owner"), "owner")


def test_who_may_no_longer_invite_leaves_no_way_in(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    link = invited(client_as("admin"), "admin")
    client_as("owner").post(f"/people/{people['admin'].pk}/active/", {"on": "0"})
    assert "This link opens nothing" in text(join(link)[1])


# Changing


def test_roles_change_at_once(client_as: Callable[[str], Client], people: dict[str, User]) -> None:
    agent = client_as("agent")
    url = f"/people/{people['agent'].pk}/roles/"
    client_as("admin").post(url, {"roles": ["auditor"]})
    assert agent.get("/trail/").status_code == 200
    assert agent.get("/recordings/").status_code == 403


@pytest.mark.parametrize("act", ["roles", "active", "sessions", "second-factor", "password"])
def test_an_admin_cannot_touch_an_owner(
    act: str, client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    owner = client_as("owner")
    answer = client_as("admin").post(f"/people/{people['owner'].pk}/{act}/", {"on": "0"})
    assert answer.status_code == 403
    assert "Only an owner may change an owner." in text(answer)
    assert owner.get("/people/").status_code == 200
    assert not Invitation.objects.exists()


def test_an_admin_cannot_make_himself_an_owner(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    page = client_as("admin").post(f"/people/{people['admin'].pk}/roles/", {"roles": ["owner"]})
    assert "owner is not one of the available choices" in text(page)
    assert not people["admin"].groups.filter(name="owner").exists()


def test_the_last_owner_stays(client_as: Callable[[str], Client], people: dict[str, User]) -> None:
    page = client_as("owner").post(f"/people/{people['owner'].pk}/roles/", {"roles": ["admin"]})
    assert "owner is the last active owner: nobody could give this role back." in text(page)
    assert people["owner"].groups.filter(name="owner").exists()


def test_where_there_is_no_owner_the_last_admin_stays(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    people["owner"].delete()
    page = client_as("admin").post(f"/people/{people['admin'].pk}/roles/", {"roles": []})
    assert "Make somebody else admin first." in text(page)
    assert people["admin"].groups.filter(name="admin").exists()


def test_an_owner_may_go_when_another_stays(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    owner = client_as("owner")
    owner.post(f"/people/{people['admin'].pk}/roles/", {"roles": ["owner"]})
    owner.post(f"/people/{people['owner'].pk}/roles/", {"roles": ["agent"]})
    assert owner.get("/people/").status_code == 403


def test_the_deactivated_are_out_at_once_and_stay_out(people: dict[str, User]) -> None:
    agent, admin = sign_in("agent"), sign_in("admin")
    url = f"/people/{people['agent'].pk}/active/"
    admin.post(url, {"on": "0"})
    assert not is_in(agent)
    assert not is_in(sign_in("agent"))
    admin.post(url, {"on": "1"})
    assert is_in(sign_in("agent"))


def test_nobody_deactivates_himself(people: dict[str, User]) -> None:
    admin = sign_in("admin")
    page = admin.post(f"/people/{people['admin'].pk}/active/", {"on": "0"}, follow=True)
    assert "You cannot deactivate yourself." in page.content.decode()
    assert is_in(admin)


def test_an_admin_signs_somebody_out_everywhere(people: dict[str, User]) -> None:
    first, second, admin = sign_in("agent"), sign_in("agent"), sign_in("admin")
    admin.post(f"/people/{people['agent'].pk}/sessions/")
    assert not is_in(first)
    assert not is_in(second)
    assert is_in(sign_in("agent"))


def test_a_lost_telephone_is_forgotten(people: dict[str, User]) -> None:
    set_up_app(sign_in("agent"))
    sign_in("admin").post(f"/people/{people['agent'].pk}/second-factor/")
    assert not Authenticator.objects.exists()
    assert is_in(sign_in("agent"))


def test_a_forgotten_password_is_replaced_by_a_link(people: dict[str, User]) -> None:
    before = sign_in("agent")
    link = link_in(sign_in("admin").post(f"/people/{people['agent'].pk}/password/"))
    client = Client()
    assert "A new password for agent" in text(client.get(link))
    client.post(link, {"new_password1": NEW, "new_password2": NEW})
    assert is_in(client)
    assert not is_in(before)
    assert is_in(sign_in("agent", password=NEW))
    assert "This link was used" in text(Client().get(link))


def test_a_link_for_a_new_password_does_not_go_around_the_second_factor(
    people: dict[str, User],
) -> None:
    set_up_app(sign_in("agent"))
    link = link_in(sign_in("admin").post(f"/people/{people['agent'].pk}/password/"))
    client = Client()
    answer = client.post(link, {"new_password1": NEW, "new_password2": NEW})
    assert answer.url == "/accounts/2fa/authenticate/"
    assert not is_in(client)


def test_a_second_link_for_a_new_password_closes_the_first(people: dict[str, User]) -> None:
    admin, url = sign_in("admin"), f"/people/{people['agent'].pk}/password/"
    first, second = link_in(admin.post(url)), link_in(admin.post(url))
    assert Client().get(first).status_code == 410
    assert Client().get(second).status_code == 200


def test_every_change_is_in_the_trail_once(people: dict[str, User]) -> None:
    admin, agent = sign_in("admin"), people["agent"].pk
    started = TrailEntry.objects.first().number
    admin.post(f"/people/{agent}/roles/", {"roles": ["finance"]})
    admin.post(f"/people/{agent}/password/")
    admin.post(f"/people/{agent}/sessions/")
    admin.post(f"/people/{agent}/second-factor/")
    admin.post(f"/people/{agent}/active/", {"on": "0"})
    entries = TrailEntry.objects.filter(number__gt=started).order_by("number")
    assert [(e.who, e.action, e.kind, e.key) for e in entries] == [
        ("admin", "settings", "person", str(agent))
    ] * 5
    assert entries[0].details["roles"] == ["finance"]
    assert entries[0].details["roles_before"] == ["agent"]


# From the shell


def first_admin(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "first_admin", *words],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_first_owner_comes_in_by_a_link_from_the_shell(process_env: dict[str, str]) -> None:
    said = first_admin(process_env, "ann").stdout
    assert "ann is an owner. Open this once, within a day:" in said
    link = said.splitlines()[-1].partition("localhost:8000")[2]
    client = Client()
    client.post(link, {"new_password1": NEW, "new_password2": NEW})
    assert client.get("/people/").status_code == 200


def typed(env: dict[str, str], *lines: str) -> int:
    """The command at a terminal, where somebody types these lines; its exit code."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "first_admin", "ann"]
    ends = {"stdin": theirs, "stdout": subprocess.DEVNULL, "stderr": theirs}
    with subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, **ends) as process:
        for line, prompt in zip(lines, (b"Password for ann", b"The same again"), strict=True):
            # What is typed before it is asked for is thrown away.
            said = b""
            while prompt not in said and process.poll() is None:
                if select.select([ours], [], [], 0.2)[0]:
                    said += os.read(ours, 4096)
            os.write(ours, f"{line}\n".encode())
        code = process.wait(30)
    os.close(ours)
    os.close(theirs)
    return code


def test_at_a_terminal_the_first_owner_types_a_password(
    process_env: dict[str, str], settings: Any
) -> None:
    # The real command makes a real hash.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    assert typed(process_env, NEW, NEW) == 0
    assert sign_in("ann", password=NEW).get("/people/").status_code == 200


@pytest.mark.parametrize("lines", [("short", "short"), (NEW, "another")])
def test_a_weak_or_mistyped_password_makes_nobody(
    process_env: dict[str, str], lines: tuple[str, str]
) -> None:
    assert typed(process_env, *lines) == 1
    assert not User.objects.exists()


def test_an_owner_who_lost_everything_comes_back_from_the_shell(
    process_env: dict[str, str],
) -> None:
    User.objects.create_user("ann", password=PASSWORD, is_active=False)
    Authenticator.objects.create(user=User.objects.get(), type="totp", data={"secret": "x"})
    said = first_admin(process_env, "ann", "--remove-second-factor").stdout
    client = Client()
    client.post(
        said.splitlines()[-1].partition("localhost:8000")[2],
        {"new_password1": NEW, "new_password2": NEW},
    )
    assert client.get("/people/").status_code == 200


def test_a_name_that_cannot_be_one_is_named(process_env: dict[str, str]) -> None:
    answer = first_admin(process_env, "a b")
    assert answer.returncode == 1
    assert "'a b': Enter a valid username." in answer.stderr


# What is written about it


def table_of_roles() -> str:
    """The table of docs/security.md, as the code has it."""
    head = f"| may | {' | '.join(ROLES)} |\n| --- |{' :-: |' * len(ROLES)}\n"
    rows = []
    for right in Right:
        said = ["yes" if right in allowed(role) else "–" for role in ROLES]
        rows.append(" | ".join([f"| {right.words}", *said]))
    return head + " |\n".join(rows) + " |\n"


def test_the_documented_table_of_roles_is_the_one_that_decides() -> None:
    document = (ROOT / "docs" / "security.md").read_text("utf-8")
    assert table_of_roles() in document, f"Put this into docs/security.md:\n{table_of_roles()}"
