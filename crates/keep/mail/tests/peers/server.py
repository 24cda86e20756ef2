"""A mail server for tests (Debian: python3-aiosmtpd): keeps what it is given, one file of JSON for each message.

Usage: server.py FOLDER PORT implicit|starttls|clear CERTIFICATE KEY [USER PASSWORD]
Whoever is named in FOLDER/refused, one address a line, is not taken.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, port, mode, certificate, key = sys.argv[1:6]
login = tuple(text.encode() for text in sys.argv[6:8])


class Keep:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = os.path.join(folder, "refused")
        if os.path.exists(refused) and address in open(refused, encoding="utf-8").read().split():
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        Keep.count += 1
        name = os.path.join(folder, "%06d-%d" % (Keep.count, os.getpid()))
        told = {
            "over_tls": server.transport.get_extra_info("ssl_object") is not None,
            "signed_in": bool(session.authenticated),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[str(field), str(value)] for field, value in message.items()],
            "text": message.get_content(),
        }
        with open(name + ".part", "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.rename(name + ".part", name + ".json")
        return "250 OK"


def authenticator(server, session, envelope, mechanism, given):
    return AuthResult(success=(given.login, given.password) == login, handled=False)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asks = {"auth_required": True, "authenticator": authenticator} if login else {}

    def one():
        return SMTP(
            Keep(),
            hostname="localhost",
            tls_context=context if mode == "starttls" else None,
            require_starttls=mode == "starttls",
            # It does not know of TLS that came with the connection.
            auth_require_tls=mode == "starttls",
            **asks,
        )

    wrapped = context if mode == "implicit" else None
    server = await asyncio.get_running_loop().create_server(one, "127.0.0.1", int(port), ssl=wrapped)
    await server.serve_forever()


asyncio.run(main())
