#!/usr/bin/env bash
# A counter that appears with 9 and never moves has an increase() of 9 in VictoriaMetrics, one that appears with 10 has 0;
# in Prometheus both have 0. A first value below ten times (growth of a sample + 1) is counted.
#
# VictoriaMetrics takes a counter's small first value for growth since 0, so the same alert rule "increase(errors_total[10m])
# > 0" fires there for each new series whose counter is not 0 (a process that was found late, a label that is new) and
# stays calm for large counters. rate() does not do it, so rate(x[10m]) > 0 holds in both; changes() says 1 for every new
# series there and 0 in Prometheus.
#
# Seen with Debian 12's victoria-metrics 1.79.5+ds1-2+b5 and prometheus 2.42.0+ds-5+deb12u1 on the same samples. Needs
# Debian 12 and its package lists (apt-get update), curl, jq.
set -euo pipefail

work=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
apt-get -q download victoria-metrics=1.79.5+ds1-2+b5 prometheus=2.42.0+ds-5+deb12u1 >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
for package in ./*.deb; do
    dpkg -x "$package" root
done
start=1780000000
end=$((start + 300))

# 21 samples of each counter, one in 15 s: first value, growth a sample.
samples() { # $1: what follows the seconds of a time
    for counter in 'nine 9 0' 'ten 10 0' 'growing_fifty 50 4' 'growing_fortynine 49 4'; do
        echo "$counter" | awk -v start=$start -v suffix="$1" \
            '{ for (i = 0; i <= 20; i++) printf "errors_total{of=\"%s\"} %d %d%s\n", $1, $2 + i * $3, start + i * 15, suffix }'
    done
}

{ echo '# TYPE errors counter'; samples ''; echo '# EOF'; } >samples.om
root/usr/bin/promtool tsdb create-blocks-from openmetrics samples.om prometheus >promtool.log
root/usr/bin/prometheus --config.file=/dev/null --storage.tsdb.path=prometheus --storage.tsdb.retention.time=100y \
    --web.listen-address=127.0.0.1:29090 >prometheus.log 2>&1 &
pids=$!
root/usr/bin/victoria-metrics -storageDataPath=victoria -retentionPeriod=100y -httpListenAddr=127.0.0.1:28428 \
    >victoria.log 2>&1 &
pids="$pids $!"
for url in http://127.0.0.1:29090/-/ready http://127.0.0.1:28428/health; do
    curl -sS --fail --retry 60 --retry-delay 1 --retry-all-errors "$url" >/dev/null 2>&1
done
samples 000 | curl -sS --fail --data-binary @- http://127.0.0.1:28428/api/v1/import/prometheus
curl -sS --fail http://127.0.0.1:28428/internal/force_flush >/dev/null

ask() { # $1: port, $2: query
    curl -sS --fail "http://127.0.0.1:$1/api/v1/query" --data-urlencode "query=$2" --data "time=$end" |
        jq -r '[.data.result[] | "\(.metric.of)=\(.value[1])"] | sort | join(" ")'
}

expect() {
    got=$(ask "$1" "$2")
    printf '%-6s %-50s %s\n' "$1" "$2" "$got"
    [ "$got" = "$3" ] || { echo "changed: expected $3" >&2; exit 1; }
}

only='of=~"nine|ten"'
expect 29090 "increase(errors_total{$only}[10m])" 'nine=0 ten=0'
expect 28428 "increase(errors_total{$only}[10m])" 'nine=9 ten=0'
expect 29090 "rate(errors_total{$only}[10m])" 'nine=0 ten=0'
expect 28428 "rate(errors_total{$only}[10m])" 'nine=0 ten=0'
expect 29090 "changes(errors_total{$only}[10m])" 'nine=0 ten=0'
expect 28428 "changes(errors_total{$only}[10m])" 'nine=1 ten=1'
expect 28428 'increase(errors_total{of=~"growing.*"}[10m])' 'growing_fifty=80 growing_fortynine=129'
echo 'as stated'
