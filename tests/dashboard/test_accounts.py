"""Who gets in: the sign-in pages and the locked rest."""

import re

import pytest
from django.urls import reverse


@pytest.mark.django_db
def test_a_stranger_is_sent_to_the_sign_in_page_and_back_to_where_they_wanted(client, people):
    answer = client.get("/accounts/password/change/?from=link")
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=/accounts/password/change/")


def test_a_person_signs_in_with_name_and_password(client, people):
    answer = client.post("/accounts/login/", {"login": "agent", "password": "demo"})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(people["agent"].pk)


def test_a_wrong_password_is_refused(client, people):
    answer = client.post("/accounts/login/", {"login": "agent", "password": "nope"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_persons_eleventh_guess_is_not_even_looked_at(client, people):
    for _ in range(10):
        client.post("/accounts/login/", {"login": "agent", "password": "nope"})
    client.post("/accounts/login/", {"login": "agent", "password": "demo"})
    assert "_auth_user_id" not in client.session


def test_nobody_can_sign_up(client, db):
    form = {"username": "eve", "password1": "long-enough-9", "password2": "long-enough-9"}
    for answer in (client.get(reverse("account_signup")), client.post("/accounts/signup/", form)):
        assert answer.status_code == 200
        assert b"password1" not in answer.content
    assert client.login(username="eve", password="long-enough-9") is False


@pytest.mark.django_db
def test_no_page_allows_inline_scripts_or_styles(client):
    policy = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not re.search("unsafe|https?:|\\*", policy)
