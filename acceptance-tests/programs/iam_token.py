"""Bearer tokens for OAUTHBEARER, signed with an access key by Amazon's own signer."""

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from botocore.credentials import CredentialProvider, Credentials

REGION = "us-east-1"


class OneKey(CredentialProvider):
    def __init__(self, key, secret):
        super().__init__()
        self.credentials = Credentials(key, secret)

    def load(self):
        return self.credentials


def token(key, secret):
    """The token, and when it expires in milliseconds since 1970."""
    return MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(REGION, OneKey(key, secret))
