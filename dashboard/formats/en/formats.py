"""Dates in English: months by name, since 06/07 is read in two ways."""

DATE_FORMAT = "j F Y"
SHORT_DATE_FORMAT = "j M Y"
MONTH_DAY_FORMAT = "j M"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "d M Y, H:i:s"
SHORT_DATETIME_FORMAT = "d M, H:i"
FIRST_DAY_OF_WEEK = 1
# As browsers send and fill in a date, whatever they show.
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
