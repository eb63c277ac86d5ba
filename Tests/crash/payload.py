"""Payloads that can be told apart and checked: each has a number, and a digest that follows."""

import hashlib
import json
import random

# Text that a careless path through the engine would change: escapes, wide characters, markup.
ALPHABET = 'abcdefghij 0123456789 äöü €→ 🙂 "\\/ {{ }} ${X} <&> \t\u2028'


def encode(value):
    """JSON as the test writes it: key order kept, nothing between tokens."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def digest(value):
    """The same for two JSON values with the same content and key order."""
    return hashlib.sha256(encode(value).encode("utf-8", "surrogatepass")).hexdigest()


def text(chooser, size):
    return "".join(chooser.choices(ALPHABET, k=size))


def webhook_payload(number, chooser):
    """Mostly small, now and then large, so that the write-ahead log grows through checkpoints."""
    size = chooser.choices(
        [chooser.randint(20, 1_500), chooser.randint(5_000, 20_000), 150_000],
        weights=[90, 9, 1])[0]
    payload = {"number": number, "type": "crash.test", "text": text(chooser, size)}
    if chooser.random() < 0.5:
        payload["key"] = f"key-{chooser.randrange(12)}"
    if chooser.random() < 0.3:
        payload["fan"] = True
    payload["amount"] = chooser.randrange(-(2**62), 2**62)
    return payload


def counter_payload(number):
    """What the exec source prints for a number: the checker makes the same one again."""
    chooser = random.Random(f"counter:{number}")
    return {"number": number, "text": text(chooser, chooser.randint(20, 2_000))}
