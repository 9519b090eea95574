"""Who is there: the session and the person that every request asks for, by queries that are put
together once."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from dashboard.prepared import Prepared

_session = Prepared(lambda key: Session.objects.filter(session_key=key), key=str)
_person = Prepared(lambda person: User.objects.filter(pk=person), person=int)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        found = _session(key=self.session_key) if self.session_key else []
        if found and found[0].expire_date > timezone.now():
            return found[0]
        self._session_key = None
        return None


class Backend(AuthenticationBackend):  # type: ignore[misc]
    def get_user(self, user_id: int) -> User | None:
        found = _person(person=user_id)
        return found[0] if found and self.user_can_authenticate(found[0]) else None
