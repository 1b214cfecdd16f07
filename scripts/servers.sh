#!/usr/bin/env bash
# Installs the servers that tests of outputs and probes run against, where they are missing: InfluxDB, Prometheus,
# VictoriaMetrics, PostgreSQL and Redis from Debian's packages. The tests start servers of their own on free ports;
# services that packages start are stopped.
set -euo pipefail

missing=()
for pair in influxd:influxdb prometheus:prometheus victoria-metrics:victoria-metrics redis-server:redis-server; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || {
    echo "servers.sh: missing: ${missing[*]}; there is no apt-get to install them with" >&2
    exit 1
}
echo "servers.sh: installing ${missing[*]}" >&2
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
# No cluster of PostgreSQL's package: the tests make their own.
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $sudo mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
timeout 300 $sudo apt-get update -q >&2
timeout 600 $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
        $sudo systemctl disable --now "$package" >&2 || true
    done
fi
