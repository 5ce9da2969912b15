"""The least that Stripe recommends: verify the event, store it, answer; https://docs.stripe.com/webhooks

A plain Flask view and the driver itself, one connection for each thread: no application around it, no job.
"""

import os
import threading

import psycopg2
import stripe
from flask import Flask, request

TABLE = "CREATE TABLE IF NOT EXISTS public.plain_events (id text PRIMARY KEY, type text, payload text)"
_INSERT = "INSERT INTO public.plain_events VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

app = Flask(__name__)
_of_thread = threading.local()
_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
_DSN = os.environ.get("PLAIN_DSN", "")


@app.get("/healthz/ready")
def ready() -> str:
    return "ready"


@app.post("/billing/webhook")
def receive() -> tuple[str, int]:
    body = request.get_data()
    try:
        event = stripe.Webhook.construct_event(body, request.headers.get("Stripe-Signature", ""), _SECRET)
    except (ValueError, stripe.SignatureVerificationError):
        return "", 400
    connection = _connection()
    with connection, connection.cursor() as cursor:
        cursor.execute(_INSERT, (event.id, event.type, body.decode()))
    return "", 200


def _connection() -> "psycopg2.extensions.connection":
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = psycopg2.connect(_DSN)
    found: psycopg2.extensions.connection = _of_thread.connection
    return found
