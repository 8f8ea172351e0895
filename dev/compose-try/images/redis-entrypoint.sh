#!/bin/sh
# As the image of Redis does it: not as root, and reachable from other containers.
set -e
chown redis:redis /data
exec setpriv --reuid redis --regid redis --clear-groups "$@" --protected-mode no
