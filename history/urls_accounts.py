from django.urls import path

from history.views import accounts

urlpatterns = [
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/add/", accounts.add, name="accounts_add"),
    path("accounts/@<slug:slug>/", accounts.account, name="accounts_one"),
    path("accounts/@<slug:slug>/look/", accounts.look, name="accounts_look"),
    path("accounts/@<slug:slug>/key/", accounts.key, name="accounts_key"),
    path("accounts/@<slug:slug>/<slug:action>/", accounts.act, name="accounts_act"),
]
