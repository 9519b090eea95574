#!/usr/bin/env python
"""Django's command line for Voxledger."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    from django.core.management import execute_from_command_line

    from dashboard.env import BadSetting

    try:
        execute_from_command_line(sys.argv)
    except BadSetting as error:
        # The line says which variable is wrong and what to type; a traceback would hide it.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
