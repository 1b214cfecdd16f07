#!/bin/sh
# Logs in each test user once on $HOST; the first that can't ends it. $SQUALL is the program that runs the suite.
set -eu
for user in loadtest_user cab_approver publisher_user; do
  "${SQUALL:-squall}" burst "$HOST/api/v1/auth/login/" --requests 1 --concurrency 1 --method POST \
    --header 'Content-Type: application/json' --data "{\"username\":\"$user\",\"password\":\"test123\"}" \
    --expect 200 --quiet --no-record >/dev/null || { echo "authentication failed for $user: is it created?" >&2; exit 1; }
  echo "$user can log in"
done
