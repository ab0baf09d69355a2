"""Ed25519 of RFC 8032 in whole numbers, for checks that share no code with OpenSSL. Slow, and not
for secrets: what it does takes a time that depends on the key. A point is (X, Y, Z, T)."""

import hashlib

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(a, b):
    u, v = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    w, z = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = (v - u) % P, (z - w) % P, (z + w) % P, (v + u) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        result = point_add(result, point) if scalar & 1 else result
        point, scalar = point_add(point, point), scalar >> 1
    return result


def point_encode(point):
    x, y = (value * pow(point[2], P - 2, P) % P for value in point[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_decode(data):
    """Nothing when it is no point of the curve. As everywhere, y may be P or more."""
    y = (int.from_bytes(data, "little") & (2**255 - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    x = x if x & 1 == data[31] >> 7 else -x % P
    return x, y, 1, x * y % P


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def digest_number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def verify(key, text, signature):
    scalar = int.from_bytes(signature[32:], "little")
    public = point_decode(key) if len(key) == 32 else None
    if public is None or len(signature) != 64 or scalar >= L:
        return False
    x, y, z, t = public
    challenge = digest_number(signature[:32], key, text) % L
    negative = point_multiply(challenge, (-x % P, y, z, -t % P))
    return point_encode(point_add(point_multiply(scalar, BASE), negative)) == signature[:32]


def secret_of(seed):
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return number & ~7 & (2**254 - 1) | 2**254


def public_key(seed):
    return point_encode(point_multiply(secret_of(seed), BASE))


def sign(seed, text):
    nonce = digest_number(hashlib.sha512(seed).digest()[32:], text) % L
    first = point_encode(point_multiply(nonce, BASE))
    challenge = digest_number(first, public_key(seed), text)
    return first + ((nonce + challenge * secret_of(seed)) % L).to_bytes(32, "little")
