#!/bin/sh
# Installs the browser that the UI tests drive, where Debian's packages can be had.
set -eu
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the system packages chromium and chromium-driver for the browser tests"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver >/dev/null
else
    echo "No Chromium with chromedriver here: the browser tests will be skipped." >&2
fi
