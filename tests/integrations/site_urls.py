"""The URLs of the Django site in test_django.py."""

from django.urls import include, path

urlpatterns = [path("accounts/", include("allauth.urls"))]
