"""What django-allauth is to know of the provider of single sign-on. Read by the settings."""

PROVIDER = "sso"  # its place in addresses: /accounts/oidc/sso/login/callback/


def single_sign_on(issuer: str, client_id: str, secret: str, name: str) -> dict[str, object]:
    """SOCIALACCOUNT_PROVIDERS: authorization code with PKCE; empty without an issuer."""
    if not issuer:
        return {}
    app = {
        "provider_id": PROVIDER,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app]}}
