from django.urls import path

from dashboard.people import joining, views

urlpatterns = [
    path("accounts/join/", joining.join, name="join"),
    path("people/", views.people, name="people"),
    path("people/invite/", views.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", views.withdraw, name="invitation_withdraw"),
    path("people/<int:pk>/", views.person, name="person"),
    path("people/<int:pk>/roles/", views.roles, name="person_roles"),
    path("people/<int:pk>/active/", views.active, name="person_active"),
    path("people/<int:pk>/grants/", views.grant, name="grant"),
    path("people/<int:pk>/grants/<int:grant_pk>/end/", views.grant_end, name="grant_end"),
    path("people/<int:pk>/sessions/", views.sessions, name="person_sessions"),
    path("people/<int:pk>/second-factor/", views.second_factor, name="person_factor"),
    path("people/<int:pk>/password/", views.new_password, name="person_password"),
]
