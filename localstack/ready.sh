#!/usr/bin/env bash
# LocalStack runs this when it is ready: the buckets, rules and queues of the project's own infra/media.yaml, the
# secret, and a note for the functions of where everything is.
set -euo pipefail

rm -f /state/functions.env
awslocal cloudformation deploy --stack-name kadr-local --template-file /kadr/media.yaml \
  --no-fail-on-empty-changeset \
  --parameter-overrides Prefix=kadr-local HeavyVisibility=1800 IngestVisibility=720 LightVisibility=720

secret=$(printf '{"username": "kadr", "password": "%s"}' "$POSTGRES_PASSWORD")
awslocal secretsmanager create-secret --name kadr/postgres --secret-string "$secret" >/dev/null 2>&1 ||
  awslocal secretsmanager put-secret-value --secret-id kadr/postgres --secret-string "$secret" >/dev/null

output() {
  awslocal cloudformation describe-stacks --stack-name kadr-local --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
{
  echo "KADR_MEDIA_BUCKET=$(output MediaBucket)"
  echo "KADR_DERIVED_BUCKET=$(output DerivedBucket)"
  echo "KADR_ASSEMBLE_QUEUE_URL=$(output AssembleQueueUrl)"
} >/state/functions.env.new
mv /state/functions.env.new /state/functions.env
cat /state/functions.env
