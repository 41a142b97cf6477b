"""Secrets from AWS's Parameter Store."""

from mallard.errors import ConfigError


def read_parameter(name: str) -> str:
    """The text of a parameter, decrypted. Powertools keeps it for five minutes, so that a cold start asks once.

    Raises ConfigError where it is not there, or may not be read.
    """
    # Imported only if a secret is there: a cold start without one is faster.
    from aws_lambda_powertools.utilities.parameters import get_parameter
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        return get_parameter(name, decrypt=True)
    except GetParameterError as error:
        raise ConfigError(f"The parameter {name} cannot be read: {error}.") from None
