"""The ground the other tests stand on: what conftest.py promises."""

import socket

import pytest
import requests
from django.core.cache import cache


def test_nobody_but_this_machine_can_be_reached():
    with pytest.raises(RuntimeError, match=r"this machine only, not to 192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_request_to_a_name_elsewhere_fails_without_asking_for_its_address():
    with pytest.raises(RuntimeError, match=r"this machine only, not to example\.com"):
        requests.get("http://example.com/", timeout=1)


@pytest.mark.parametrize("round", [1, 2])
def test_each_test_finds_the_cache_empty(round):
    assert cache.get_or_set("round", round) == round


def test_everybody_has_the_group_of_their_name(people):
    assert {name: person.groups.get().name for name, person in people.items()} == {
        name: name for name in people
    }


def test_a_person_signs_in_in_the_browser(page, people):
    page.goto("/accounts/login/?next=/healthz")
    page.get_by_label("Username").fill("agent")
    page.get_by_label("Password", exact=True).fill("demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/healthz")


def test_the_console_hears_of_what_the_policy_blocks(page, complaints):
    page.goto("/accounts/login/")
    page.evaluate("document.body.setAttribute('onclick', 'alert(1)'); document.body.click()")
    complaints.expect("Content Security Policy")


def test_the_console_hears_of_errors_in_scripts(page, complaints):
    page.goto("/accounts/login/")
    page.evaluate("setTimeout(() => { throw new Error('a mistake') })")
    page.wait_for_timeout(100)
    complaints.expect("a mistake")
