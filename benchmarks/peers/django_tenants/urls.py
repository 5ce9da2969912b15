"""The views that are measured: one record, as JSON, for anybody and for members."""

from business.models import Member
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import path
from store.models import Collection


def show(_request: HttpRequest, key: str) -> JsonResponse:
    found = Collection.objects.get(pk=key)
    return JsonResponse({"id": found.id, "name": found.name, "label": found.label, "fields": found.fields})


def show_member(request: HttpRequest, key: str) -> JsonResponse:
    if not Member.objects.filter(client=request.tenant, user=request.user.pk).exists():
        raise PermissionDenied
    return show(request, key)


urlpatterns = [path("open/<uuid:key>", show), path("members/<uuid:key>", show_member)]
