#!/bin/bash
# Makes what cluster.yaml needs in your AWS account: a private bucket, and the roles of the head and of the workers.
#
#   deploy/aws/set-up.sh BUCKET REGION
#
# Needs the AWS command line with the right to create buckets and roles. It can run again: an existing bucket keeps its
# settings, and the policies are replaced. `deploy/aws/set-up.sh --remove` deletes the roles, and leaves the bucket.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
policies=(head worker)

# found COMMAND ...: whether a part of IAM exists. Any error but that it does not exist ends the script.
found() {
  local message
  if message=$("$@" 2>&1 > /dev/null); then return; fi
  if [[ $message == *NoSuchEntity* ]]; then return 1; fi
  echo "$message" >&2
  exit 1
}
found_role() { found aws iam get-role --role-name "$1"; }
found_profile() { found aws iam get-instance-profile --instance-profile-name "$1"; }
role_of_profile() {
  aws iam get-instance-profile --instance-profile-name "$1" --query 'InstanceProfile.Roles[].RoleName' --output text
}

remove() {
  local role policy policies_of_role
  for role in "${policies[@]/#/transfer-sweeper-}"; do
    if found_profile "$role"; then
      [ "$(role_of_profile "$role")" != "$role" ] ||
        aws iam remove-role-from-instance-profile --instance-profile-name "$role" --role-name "$role"
      aws iam delete-instance-profile --instance-profile-name "$role"
    fi
    found_role "$role" || continue
    policies_of_role=$(aws iam list-role-policies --role-name "$role" --query 'PolicyNames[]' --output text)
    for policy in $policies_of_role; do
      aws iam delete-role-policy --role-name "$role" --policy-name "$policy"
    done
    aws iam delete-role --role-name "$role"
  done
}

if [ "${1:-}" = --remove ]; then
  remove
  exit
fi
if [ $# -ne 2 ]; then
  echo "usage: deploy/aws/set-up.sh BUCKET REGION, or --remove" >&2
  exit 2
fi
bucket=$1 region=$2

if aws s3api head-bucket --bucket "$bucket" > /dev/null 2>&1; then
  echo "The bucket $bucket exists, and its settings are not changed. Advised: block all public access, and delete parts"
  echo "of interrupted uploads after 2 days (AbortIncompleteMultipartUpload)."
else
  # us-east-1 is the default, and is refused as a constraint.
  if [ "$region" = us-east-1 ]; then
    aws s3api create-bucket --bucket "$bucket" --region "$region" > /dev/null
  else
    aws s3api create-bucket --bucket "$bucket" --region "$region" \
      --create-bucket-configuration "LocationConstraint=$region" > /dev/null
  fi
  aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  # Parts of uploads that were interrupted cost money until they are deleted.
  aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration \
    '{"Rules": [{"ID": "uploads", "Status": "Enabled", "Filter": {"Prefix": ""},
                 "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}]}'
fi

# Spot machines need this role of the account. It exists if somebody has used them before.
if ! message=$(aws iam create-service-linked-role --aws-service-name spot.amazonaws.com 2>&1); then
  case "$message" in
    *"has been taken"* | *"already exists"* | *EntityAlreadyExists*) ;;
    *) echo "$message" >&2; exit 1 ;;
  esac
fi

account=$(aws sts get-caller-identity --query Account --output text)
filled() { sed -e "s/BUCKET/$bucket/g" -e "s/ACCOUNT/$account/g" "$1-policy.json"; }
for name in "${policies[@]}"; do
  role=transfer-sweeper-$name
  found_role "$role" ||
    aws iam create-role --role-name "$role" --assume-role-policy-document file://machines.json > /dev/null
  # The head writes results, too.
  aws iam put-role-policy --role-name "$role" --policy-name bucket --policy-document "$(filled worker)"
  [ "$name" = worker ] ||
    aws iam put-role-policy --role-name "$role" --policy-name machines --policy-document "$(filled head)"
  found_profile "$role" || aws iam create-instance-profile --instance-profile-name "$role" > /dev/null
  [ "$(role_of_profile "$role")" = "$role" ] ||
    aws iam add-role-to-instance-profile --instance-profile-name "$role" --role-name "$role"
done
echo "Write SWEEPER_RUNS=s3://$bucket/sweeps and region: $region into cluster.yaml."
