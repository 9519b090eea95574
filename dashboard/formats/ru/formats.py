"""Dates in Russian."""

DATE_FORMAT = "j E Y"
SHORT_DATE_FORMAT = "d.m.Y"
MONTH_DAY_FORMAT = "d.m"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "d.m.Y, H:i:s"
SHORT_DATETIME_FORMAT = "d.m, H:i"
# As browsers send and fill in a date, whatever they show.
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
