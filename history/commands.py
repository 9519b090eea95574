"""What somebody did to the account: an audit entry as a sentence, how risky, what it changed.

The audit log names the API method and gives its arguments and its answer. Methods without a
sentence here are told by their name. The API masks secrets; here they are masked once more.

Source of methods and arguments: https://voximplant.com/docs/references/httpapi
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

from history.api.replies import AuditLogInfoType

# Sentences. A place such as %(user)s takes the first of the arguments below that was given, or
# that the answer has. A pair is for commands that bind and, with bind=false, unbind.

_PLACES: Mapping[str, Sequence[str]] = {
    "application": ("application_name", "required_application_name", "application_id"),
    "caller_id": ("callerid_number", "callerid_id"),
    "child": ("child_account_name", "child_account_id", "child_account_email"),
    "conference": ("conference_name", "rule_name", "rule_id"),
    "credential": ("push_credential_id", "push_provider_name"),
    "dialogflow": ("dialogflow_key_id", "description"),
    "ip": ("authorized_ip", "contains_ip"),
    "item": ("key",),
    "key": ("key_name", "key_id"),
    "list": ("name", "list_id"),
    "network": ("sip_whitelist_network", "sip_whitelist_id"),
    "new_user": ("new_user_name",),
    "number": ("phone_number", "phone_id", "wab_phone_number", "pstn_blacklist_phone"),
    "blocked": ("pstn_blacklist_phone", "pstn_blacklist_id"),
    "plan": ("plan_type", "plan_subscription_template_id"),
    "queue": ("acd_queue_name", "sq_queue_name", "acd_queue_id", "sq_queue_id"),
    "record": ("record_id", "record_url"),
    "registration": ("sip_username", "sip_registration_id"),
    "report": ("history_report_id",),
    "role": ("role_name", "role_id", "admin_role_name", "admin_role_id"),
    "rule": ("rule_name", "rule_id"),
    "scenario": ("scenario_name", "required_scenario_name", "scenario_id"),
    "secret": ("secret_name", "secret_id"),
    "skill": ("skill_name", "sq_skill_name", "skill_id", "sq_skill_id", "sq_skills"),
    "sms_from": ("source", "src_number"),
    "sms_to": ("destination", "dst_numbers"),
    "subuser": ("new_subuser_name", "subuser_name", "subuser_id", "required_admin_user_name",
                "new_admin_user_name", "admin_user_name", "admin_user_id",
                "required_admin_user_id"),
    "user": ("user_name", "user_id", "user_display_name"),
    "amount": ("amount",),
}  # fmt: skip

type Said = StrOrPromise | tuple[StrOrPromise, StrOrPromise]

SENTENCES: Mapping[str, Said] = {
    # The account, its children, its money
    "SetAccountInfo": _("Changed the account's settings"),
    "SetChildAccountInfo": _("Changed the settings of child account %(child)s"),
    "AddAccount": _("Opened child account %(child)s"),
    "ChangeAccountPlan": _("Changed the plan to %(plan)s"),
    "ChargeAccount": _("Charged the account for its numbers and plans"),
    "TransferMoneyToChildAccount": _("Moved %(amount)s to child account %(child)s"),
    "TransferMoneyToUser": _("Moved %(amount)s to user %(user)s"),
    "Logon": _("Signed in"),
    "Logout": _("Signed out"),
    # Keys, people, rights
    "CreateKey": _("Created service account key %(key)s"),
    "UpdateKey": _("Changed service account key %(key)s"),
    "DeleteKey": _("Deleted service account key %(key)s"),
    "SetKeyRoles": _("Gave role %(role)s to key %(key)s"),
    "RemoveKeyRoles": _("Took role %(role)s from key %(key)s"),
    "AddSubUser": _("Added sub-user %(subuser)s"),
    "SetSubUserInfo": _("Changed sub-user %(subuser)s"),
    "DelSubUser": _("Deleted sub-user %(subuser)s"),
    "SetSubUserRoles": _("Gave role %(role)s to sub-user %(subuser)s"),
    "RemoveSubUserRoles": _("Took role %(role)s from sub-user %(subuser)s"),
    "AddAdminUser": _("Added admin user %(subuser)s"),
    "SetAdminUserInfo": _("Changed admin user %(subuser)s"),
    "DelAdminUser": _("Deleted admin user %(subuser)s"),
    "AttachAdminRole": _("Gave role %(role)s to admin user %(subuser)s"),
    "AddAdminRole": _("Added admin role %(role)s"),
    "SetAdminRoleInfo": _("Changed admin role %(role)s"),
    "DelAdminRole": _("Deleted admin role %(role)s"),
    "AddAuthorizedAccountIP": _("Added address %(ip)s to the access list"),
    "DelAuthorizedAccountIP": _("Removed address %(ip)s from the access list"),
    "AddSecret": _("Added secret %(secret)s"),
    "SetSecretInfo": _("Changed secret %(secret)s"),
    "DelSecret": _("Deleted secret %(secret)s"),
    # Applications, scenarios, rules
    "AddApplication": _("Created application %(application)s"),
    "SetApplicationInfo": _("Changed application %(application)s"),
    "DelApplication": _("Deleted application %(application)s"),
    "AddScenario": _("Created scenario %(scenario)s"),
    "SetScenarioInfo": _("Changed scenario %(scenario)s"),
    "DelScenario": _("Deleted scenario %(scenario)s"),
    "BindScenario": (
        _("Bound scenario %(scenario)s to rule %(rule)s"),
        _("Unbound scenario %(scenario)s from rule %(rule)s"),
    ),
    "ReorderScenarios": _("Reordered the scenarios of rule %(rule)s"),
    "StartScenarios": _("Started the scenarios of rule %(rule)s"),
    "StartConference": _("Started conference %(conference)s"),
    "AddRule": _("Created rule %(rule)s"),
    "SetRuleInfo": _("Changed rule %(rule)s"),
    "DelRule": _("Deleted rule %(rule)s"),
    "ReorderRules": _("Reordered rules %(rule)s"),
    # Users, queues, skills
    "AddUser": _("Created user %(user)s"),
    "SetUserInfo": _("Changed user %(user)s"),
    "DelUser": _("Deleted user %(user)s"),
    "AddQueue": _("Created queue %(queue)s"),
    "SetQueueInfo": _("Changed queue %(queue)s"),
    "DelQueue": _("Deleted queue %(queue)s"),
    "BindUserToQueue": (
        _("Put user %(user)s into queue %(queue)s"),
        _("Took user %(user)s out of queue %(queue)s"),
    ),
    "AddSkill": _("Created skill %(skill)s"),
    "SetSkillInfo": _("Changed skill %(skill)s"),
    "DelSkill": _("Deleted skill %(skill)s"),
    "BindSkill": (
        _("Gave skill %(skill)s to user %(user)s"),
        _("Took skill %(skill)s from user %(user)s"),
    ),
    "SQ_AddQueue": _("Created SmartQueue %(queue)s"),
    "SQ_SetQueueInfo": _("Changed SmartQueue %(queue)s"),
    "SQ_DelQueue": _("Deleted SmartQueue %(queue)s"),
    "SQ_BindAgent": _("Put agent %(user)s into SmartQueue %(queue)s"),
    "SQ_UnbindAgent": _("Took agent %(user)s out of SmartQueue %(queue)s"),
    "SQ_SetAgentInfo": _("Changed agent %(user)s"),
    "SQ_BindSkill": _("Gave skill %(skill)s to agent %(user)s"),
    "SQ_UnbindSkill": _("Took skill %(skill)s from agent %(user)s"),
    # Numbers, SIP
    "AttachPhoneNumber": _("Rented phone number %(number)s"),
    "DeactivatePhoneNumber": _("Gave up phone number %(number)s"),
    "BindPhoneNumberToApplication": (
        _("Bound phone number %(number)s to application %(application)s"),
        _("Unbound phone number %(number)s from application %(application)s"),
    ),
    "SetPhoneNumberInfo": _("Changed phone number %(number)s"),
    "AddCallerID": _("Added caller ID %(caller_id)s"),
    "ActivateCallerID": _("Activated caller ID %(caller_id)s"),
    "VerifyCallerID": _("Asked to verify caller ID %(caller_id)s"),
    "DelCallerID": _("Deleted caller ID %(caller_id)s"),
    "AddPstnBlackListItem": _("Blocked callers from %(blocked)s"),
    "SetPstnBlackListItem": _("Changed blocked number %(blocked)s"),
    "DelPstnBlackListItem": _("Unblocked %(blocked)s"),
    "AddSipWhiteListItem": _("Allowed SIP from %(network)s"),
    "SetSipWhiteListItem": _("Changed allowed SIP network %(network)s"),
    "DelSipWhiteListItem": _("No longer allowed SIP from %(network)s"),
    "CreateSipRegistration": _("Created SIP registration %(registration)s"),
    "UpdateSipRegistration": _("Changed SIP registration %(registration)s"),
    "BindSipRegistration": (
        _("Bound SIP registration %(registration)s to application %(application)s"),
        _("Unbound SIP registration %(registration)s from application %(application)s"),
    ),
    "DeleteSipRegistration": _("Deleted SIP registration %(registration)s"),
    # Call lists, messages, the rest
    "CreateCallList": _("Created call list %(list)s"),
    "AppendToCallList": _("Added numbers to call list %(list)s"),
    "EditCallList": _("Changed call list %(list)s"),
    "StopCallListProcessing": _("Stopped call list %(list)s"),
    "RecoverCallList": _("Resumed call list %(list)s"),
    "DeleteCallList": _("Deleted call list %(list)s"),
    "SendSmsMessage": _("Sent an SMS from %(sms_from)s to %(sms_to)s"),
    "A2PSendSms": _("Sent an SMS from %(sms_from)s to %(sms_to)s"),
    "ControlSms": _("Switched SMS on or off for %(number)s"),
    "DeleteRecord": _("Deleted recording %(record)s"),
    "SetKeyValueItem": _("Stored value %(item)s"),
    "DelKeyValueItem": _("Deleted value %(item)s"),
    "AddPushCredential": _("Added push credential %(credential)s"),
    "SetPushCredential": _("Changed push credential %(credential)s"),
    "DelPushCredential": _("Deleted push credential %(credential)s"),
    "BindPushCredential": (
        _("Bound push credential %(credential)s to application %(application)s"),
        _("Unbound push credential %(credential)s from application %(application)s"),
    ),
    "AddDialogflowKey": _("Added Dialogflow key %(dialogflow)s"),
    "SetDialogflowKey": _("Changed Dialogflow key %(dialogflow)s"),
    "DelDialogflowKey": _("Deleted Dialogflow key %(dialogflow)s"),
    # Reading, where it is noted
    "GetCallHistory": _("Read the call history"),
    "GetBriefCallHistory": _("Ordered a short report of the calls"),
    "GetCallHistoryAsync": _("Ordered a report of the calls"),
    "GetTransactionHistory": _("Read the transactions"),
    "GetTransactionHistoryAsync": _("Ordered a report of the transactions"),
    "GetAuditLog": _("Read the audit log"),
    "GetAuditLogAsync": _("Ordered a report of the audit log"),
    "GetACDHistory": _("Read the ACD history"),
    "GetHistoryReports": _("Listed the reports"),
    "DownloadHistoryReport": _("Downloaded report %(report)s"),
}


def sentence(entry: AuditLogInfoType) -> str:
    """What was done, in words: “Deleted recording 551200”."""
    said = SENTENCES.get(entry.cmd_name)
    if said is None:
        return _t("Called %(command)s") % {"command": entry.cmd_name}
    known = {**_leaves(entry.cmd_result), **_leaves(entry.cmd_args)}
    if isinstance(said, tuple):
        said = said[1] if known.get("bind") in (False, "false", 0) else said[0]
    return str(said) % _Named(known)


def _leaves(value: object) -> dict[str, Any]:
    """Every named value, however deep; of a list of things the first is meant."""
    if isinstance(value, list):
        return _leaves(value[0]) if value else {}
    if not isinstance(value, Mapping):
        return {}
    plain = {name: part for name, part in value.items() if not isinstance(part, Mapping)}
    for part in value.values():
        plain = {**_leaves(part), **plain}
    return plain


class _Named(dict[str, str]):
    """Fills the places of a sentence from the arguments."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, place: str) -> str:
        given = (
            self.known[name]
            for name in _PLACES[place]
            if self.known.get(name) not in (None, "", []) and not is_secret(name)
        )
        value = next(given, None)
        return in_words(value, most=3) if value is not None else _t("(not named)")


# Risk


def risk(entry: AuditLogInfoType) -> StrOrPromise:
    """Why somebody should look at this twice, in a word or two; empty when nobody need."""
    name, given = entry.cmd_name, entry.cmd_args or {}
    if any("callback" in argument for argument in given):
        return _("Callback changed")
    if name in ("CreateKey", "UpdateKey", "DeleteKey"):
        return _("Key")
    if name.endswith(("Roles", "AdminRole", "AdminRoleInfo", "AdminUserInfo")):
        return _("Rights")
    if name in ("AddSubUser", "AddAdminUser"):
        return _("New person")
    if name.endswith("AuthorizedAccountIP") and not name.startswith("Check"):
        return _("Access")
    if _DELETES.match(name):
        return _("Deletion")
    if any("password" in argument for argument in given):
        return _("Password")
    return _("Secret") if name.endswith(("Secret", "SecretInfo")) else ""


_DELETES = re.compile(r"(SQ_)?(Del|Delete|Remove|Deactivate)[A-Z]")


def refused(entry: AuditLogInfoType) -> bool:
    """Whether the command was turned down, and so changed nothing."""
    return bool(entry.cmd_result and entry.cmd_result.get("error"))


# Arguments and answers


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A named value, or with `before` a change of it. What is `hidden` has no value here."""

    name: str
    value: str = ""
    before: str = ""
    hidden: bool = False


_SECRET = re.compile(
    r"passw|passphrase|secret|token|salt|api_?key|private|server_key|access_?key|credentials?$"
    r"|credential_bundle|cert_content|certificate|service_account_file|verification_code"
    r"|authorization|cookie|jwt|signature|card_?number|cvv|\bpin\b",
    re.IGNORECASE,
)
_NAMES_A_SECRET = re.compile(r"_(id|name|names|ids)$", re.IGNORECASE)
_LOOKS_SECRET = re.compile(r"-----BEGIN |^eyJ[\w-]{8,}\.[\w-]{8,}\.")
_LONG = 400
_PAIRS = (("old", "new"), ("before", "after"), ("from", "to"), ("previous", "current"))


def is_secret(name: str, value: object = None) -> bool:
    """Whether a value of this name must not be shown, whatever it is, or looks like a key."""
    if _SECRET.search(name) and not _NAMES_A_SECRET.search(name):
        return True
    return isinstance(value, str) and bool(_LOOKS_SECRET.search(value))


def facts(value: Mapping[str, Any] | None) -> list[Fact]:
    """Arguments or an answer as named values, nested names joined by dots, secrets hidden.

    `{"user_name": "a", "new_user_name": "b"}` and `{"name": {"old": "a", "new": "b"}}` are
    changes from a to b.
    """
    return list(_facts(value or {}, ""))


def _facts(value: Mapping[str, Any], above: str) -> Iterator[Fact]:
    for name, part in value.items():
        full = f"{above}{name}"
        if is_secret(name, part):
            yield Fact(name=full, hidden=True)
        elif name == "result" and part in (1, True) and not above:
            yield Fact(name=name, value=_t("done"))
        elif pair := _pair(part):
            yield Fact(name=full, before=in_words(pair[0]), value=in_words(pair[1]))
        elif isinstance(part, Mapping):
            yield from _facts(part, f"{full}.")
        elif isinstance(part, list) and any(isinstance(element, Mapping) for element in part):
            for number, element in enumerate(part, start=1):
                inner = element if isinstance(element, Mapping) else {"": element}
                yield from _facts(inner, f"{full}.{number}.")
        elif f"new_{name}" in value:
            continue  # told by the new value
        elif name.startswith("new_") and (old := name.removeprefix("new_")) in value:
            yield Fact(name=f"{above}{old}", before=in_words(value[old]), value=in_words(part))
        else:
            yield Fact(name=full, value=in_words(part))


def _pair(part: object) -> tuple[Any, Any] | None:
    if isinstance(part, Mapping) and len(part) == 2:
        for old, new in _PAIRS:
            if old in part and new in part:
                return part[old], part[new]
    return None


def in_words(value: object, *, most: int = 20) -> str:
    """A value for reading: lists joined, yes and no, long texts cut with their length said."""
    if value is None or value == "" or value == []:
        return _t("empty")
    if isinstance(value, bool):
        return _t("yes") if value else _t("no")
    if isinstance(value, list | tuple):
        shown = ", ".join(in_words(element) for element in value[:most])
        rest = len(value) - most
        if rest <= 0:
            return shown
        more = ngettext("and %(n)d more", "and %(n)d more", rest) % {"n": rest}
        return f"{shown} {more}"
    text = _without_secrets(value) if isinstance(value, str) and "://" in value else str(value)
    if _LOOKS_SECRET.search(text):
        return _t("hidden")
    if len(text) <= _LONG:
        return text
    return _t("%(text)s… (%(n)d characters)") % {"text": text[:_LONG], "n": len(text)}


def _without_secrets(url: str) -> str:
    """A link without its password, and without the values of query names that are secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    place = parts.netloc.rpartition("@")[2]
    query = parse_qsl(parts.query, keep_blank_values=True)
    if place == parts.netloc and not any(is_secret(name) for name, _value in query):
        return url
    kept = [(name, "…" if is_secret(name) else value) for name, value in query]
    return urlunsplit(parts._replace(netloc=place, query=urlencode(kept, safe="…")))
