#!/bin/sh
# The stack in LocalStack: built, deployed, dashboard and tracking script uploaded; prints where everything is.
#
#     localstack/deploy.sh Sites=localhost AdminPassword=choose-one-of-your-own
#
# takes parameters of template.yaml. It goes to 127.0.0.1:4566 or where AWS_ENDPOINT_URL leads, never to AWS. BUILD is a
# build that is there already, STACK another name than mallard. README.md says what is other than on AWS.
set -eu
cd "$(dirname "$0")/.."

stack=${STACK:-mallard}
case $(uname -m) in
arm64 | aarch64) architecture=arm64 ;;
*) architecture=x86_64 ;;
esac
# LocalStack takes any keys, so that nobody's own need go there.
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}" AWS_ENDPOINT_URL="${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}"
# A bucket's website, at the name by which LocalStack calls itself: every DNS server says that it is 127.0.0.1.
origin=http://$stack-site.s3-website.${LOCALSTACK_HOST:-localhost.localstack.cloud:${AWS_ENDPOINT_URL##*:}}

if [ -z "${BUILD:-}" ]; then
    BUILD=.aws-sam/localstack
    make --silent build ARCH=$architecture BUILD=$BUILD
fi
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
.venv/bin/python localstack/pack.py "$BUILD" "$packed" --bucket "$stack-code"
# No HTTP API, no CloudFront, and schedules that never fire.
.venv/sam/bin/sam deploy --config-file "$PWD/samconfig.toml" --template-file "$packed/template.yaml" \
    --stack-name "$stack" --no-resolve-s3 --s3-bucket "$stack-code" --parameter-overrides \
    Architecture=$architecture FrontDoor=FunctionUrl Cdn=off FlushTrigger=queue FlushWindowSeconds=1 ReserveConcurrency=off \
    DashboardOrigin="$origin" "$@"
.venv/bin/python localstack/publish.py "$stack" --bucket "$stack-site" --origin "$origin"
