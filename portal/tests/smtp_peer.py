"""A mail server with TLS, aiosmtpd on OpenSSL: `smtp_peer.py implicit|starttls CERTIFICATE KEY`.

Prints its port, then one JSON object for each message that it took.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP

mode, certificate, key = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        tls = server.transport.get_extra_info("ssl_object")
        message = {
            "tls": tls.version() if tls else None,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode(),
        }
        print(json.dumps(message), flush=True)
        return "250 OK"


async def main():
    loop = asyncio.get_running_loop()
    implicit = mode == "implicit"
    upgrade = {} if implicit else {"tls_context": context, "require_starttls": True}
    server = await loop.create_server(
        lambda: SMTP(Mailbox(), hostname="localhost", loop=loop, **upgrade),
        "127.0.0.1",
        0,
        ssl=context if implicit else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
