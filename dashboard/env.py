"""Readers for environment variables: the right type, or a line that says what to type.

Every variable `NAME` may also be given as a file: `NAME_FILE=/run/secrets/name` (Docker secrets).
An empty value counts as not given, since that is what `${NAME:-}` of a compose file hands on.
"""

import os
import re
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

type Network = IPv4Network | IPv6Network


class BadSetting(ImproperlyConfigured):
    def __init__(self, name: str, value: str, advice: str) -> None:
        super().__init__(f"{name}={_without_password(value)!r}: {advice}")


def _without_password(value: str) -> str:
    return re.sub(r"(://[^:/@]*:).*(?=@)", r"\1***", value)


def _given(name: str) -> str | None:
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and file:
        raise BadSetting(f"{name}_FILE", file, f"{name} is set as well; keep one of the two")
    return _content(f"{name}_FILE", file) if file else value or None


def _content(name: str, file: str) -> str:
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadSetting(name, file, f"cannot be read ({reason}); name a readable file") from None
    if not content:
        raise BadSetting(name, file, "the file is empty; put the value into it")
    return content


def env_text(name: str, default: str = "") -> str:
    return _given(name) or default


# The same as text, named apart so that a reader of settings.py (and the test of
# docs/settings.md) sees which values are secret. Such a value is in no error message.
env_secret = env_text


def env_secrets(name: str) -> list[str]:
    """Several secrets, the newest first, apart by commas or white space."""
    return [part for part in re.split(r"[,\s]+", env_secret(name)) if part]


def env_bool(name: str, *, default: bool) -> bool:
    value = _given(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise BadSetting(name, value, f"use True or False, e.g. {name}=True")
    return value.lower() == "true"


def env_int(
    name: str, default: int, *, unit: str = "", least: int = 0, example: int | None = None
) -> int:
    value = _given(name)
    if value is None:
        return default
    example = example or default
    if not re.fullmatch(r"[0-9]{1,9}", value):
        what = f"a whole number of {unit}" if unit else "a whole number"
        raise BadSetting(name, value, f"use {what}, e.g. {name}={example}")
    if int(value) < least:
        raise BadSetting(name, value, f"use {least} or more, e.g. {name}={example}")
    return int(value)


def env_list(name: str, default: str = "") -> list[str]:
    return [part for part in re.split(r"[,\s]+", env_text(name, default)) if part]


def env_networks(name: str) -> list[Network]:
    networks: list[Network] = []
    for given in env_list(name):
        try:
            networks.append(ip_network(given))
        except ValueError:
            advice = f"use networks or addresses, e.g. {name}=10.0.0.0/8,192.0.2.7"
            raise BadSetting(name, given, advice) from None
    return networks


def env_origins(name: str) -> list[str]:
    origins = env_list(name)
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            advice = f"use scheme and host only, e.g. {name}=https://voxledger.example.com"
            raise BadSetting(name, origin, advice)
    return origins


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = env_text(name, default)
    if value not in choices:
        raise BadSetting(name, value, f"use one of {', '.join(choices)}, e.g. {name}={default}")
    return value


def env_zone(name: str, default: str) -> str:
    value = env_text(name, default)
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise BadSetting(name, value, f"use an IANA zone name, e.g. {name}=Europe/Berlin") from None
    return value


def env_path(name: str, default: Path) -> Path:
    return Path(env_text(name, str(default))).expanduser().absolute()


def env_directory(name: str, default: Path) -> Path:
    """A directory that this process may write to; made when it is not there yet."""
    path = env_path(name, default)
    try:
        path.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(path, os.W_OK) else "no right to write"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise BadSetting(
            name, str(path), f"cannot be used ({reason}); name a directory this user may write to"
        )
    return path


def env_file(name: str, default: Path | None = None) -> Path | None:
    """A file somebody else must have written; only a default may be missing."""
    value = _given(name)
    if value is None:
        return default
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise BadSetting(
            name,
            value,
            f"no such file; name one that exists, e.g. {name}=/etc/voxledger/{path.name}",
        )
    return path


def env_url(name: str, default: str, *, example: str) -> str:
    """An address with the scheme of the example or of the default."""
    value = env_text(name, default)
    schemes = {urlsplit(default).scheme, urlsplit(example).scheme}
    if not _is_address(value) or urlsplit(value).scheme not in schemes:
        raise BadSetting(name, value, f"use an address, e.g. {name}={example}")
    return value


def env_url_with(name: str, *, example: str, package: str) -> str:
    """An address, empty if not given, for something that needs a package the product has not."""
    value = env_text(name)
    if not value:
        return ""
    if not _is_address(value) or urlsplit(value).scheme not in ("http", "https"):
        raise BadSetting(name, value, f"use an address, e.g. {name}={example}")
    try:
        import_module(package)
    except ImportError:
        advice = "its packages are not installed: pip install -r requirements-extras.txt"
        raise BadSetting(name, "…", advice) from None
    return value


def env_issuer(name: str) -> str:
    """The address of an OpenID Connect provider; who signs in must not be read on the way."""
    value = env_text(name)
    local = urlsplit(value).hostname in ("localhost", "127.0.0.1", "::1")
    if value and not (_is_address(value) and value.startswith(("https:", *["http:"] * local))):
        raise BadSetting(
            name, value, f"use an https address, e.g. {name}=https://login.example.com"
        )
    return value.rstrip("/")


def env_roles(name: str, roles: tuple[str, ...], default: str = "") -> frozenset[str]:
    """Names of roles; `none` for no role where there is a default."""
    given = env_list(name, default)
    if default and given == ["none"]:
        return frozenset()
    for role in given:
        if role not in roles:
            advice = f"use names of roles: {', '.join(roles)}, e.g. {name}=admin,owner"
            raise BadSetting(name, role, advice)
    return frozenset(given)


def env_rates(name: str, defaults: dict[str, str]) -> dict[str, str]:
    """How much of each kind in which time: `exports=30/hour`, separated by commas or spaces."""
    rates = dict(defaults)
    for pair in env_list(name):
        kind, _, rate = pair.partition("=")
        if kind not in defaults or not re.fullmatch(r"[1-9]\d*/(second|minute|hour|day)", rate):
            advice = f"use one of {', '.join(defaults)}, e.g. {name}=exports=30/hour"
            raise BadSetting(name, pair, advice)
        rates[kind] = rate
    return rates


def env_roles_of_groups(name: str, roles: tuple[str, ...]) -> dict[str, str]:
    """Roles by names of groups: `group=role`, separated by semicolons or lines."""
    pairs: dict[str, str] = {}
    for pair in filter(None, map(str.strip, re.split(r"[;\n]", env_text(name)))):
        group, sign, role = (part.strip() for part in pair.rpartition("="))
        if not (sign and group and role in roles):
            advice = f"use group=role with one of {', '.join(roles)}, e.g. {name}=voice-team=agent"
            raise BadSetting(name, pair, advice)
        pairs[group] = role
    return pairs


def env_redis(name: str, default: str) -> str:
    example = "rediss://:password@localhost:6379/0"
    value = env_url(name, default, example=example)
    if not re.fullmatch(r"/?[0-9]*", urlsplit(value).path):
        advice = f"end it with a slash and the number of a database, e.g. {name}={example}"
        raise BadSetting(name, value, advice)
    return value


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  asking for it raises when it is not a number
    except ValueError:
        return False
    return bool((parts.scheme == "sqlite" and parts.path) or parts.hostname)
