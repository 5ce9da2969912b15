"""Does what it is asked for, a line of JSON at a time, and answers with a line each."""

import io
import json
import os
import sys

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    django.setup()
    from work import DOES  # its models need the setup

    answers, sys.stdout = sys.stdout, io.StringIO()  # its commands print
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(DOES[asked.pop("do")](**asked)), file=answers, flush=True)


main()
