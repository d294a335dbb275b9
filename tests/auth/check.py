"""Who is let in by a real `ferric`: check.py PROGRAM IRONIC, the folder of Ironic's programs. Peers are Apache's htpasswd, joserfc,
Keystone, openssl, and Ironic with the same Keystone.
"""

import basic
import ironic_peer
import keystone_peer
import oidc
import sys
import tls


def main():
    program = sys.argv[1]
    count = 0
    for module in (basic, oidc, keystone_peer, tls, ironic_peer):
        for check in module.CHECKS:
            check(program)
            count += 1
            print(f"{module.__name__}: {check.__doc__}", flush=True)
    print(f"{count} passed")


main()
