"""Common given names, by which a column of persons is told from one of places or things."""

from __future__ import annotations

__all__ = ["GIVEN_NAMES"]

_COMMON = """
aaron adam ahmed alan albert alex alexander alice amanda amy ana andrea andrew angela ann anna
anne anthony antonio ashley barbara ben benjamin betty brandon brenda brian bruce carl carlos
carol caroline carolyn catherine charles charlotte christian christina christine christopher
cynthia daniel david deborah debra dennis diana diane donald donna dorothy douglas edward
elena elizabeth emily emma eric eva fatima fernando francesco frances frank gary george
gerald giovanni gloria grace gregory hannah hans heather helen henry isabella jack jacob
jacqueline james jan jane janet jason javier jean jeffrey jennifer jeremy jerry jessica joan
joe john jonathan jorge jose joseph joshua joyce juan judith julia julie justin karen katherine
kathleen keith kelly kenneth kevin kimberly klaus kyle larry laura lauren lawrence leo linda
lisa logan louis lucas lucy luis luke margaret maria marie marilyn mark marta martha martin
mary matthew megan melissa mia michael michelle miguel mohamed mohammed muhammad nancy natalie
nathan nicholas nicole noah nora olivia oliver pablo pamela patricia patrick paul pedro peter
philip pierre rachel ralph raymond rebecca richard robert roger ronald rose roy russell ruth
ryan samantha samuel sandra sara sarah scott sean sharon sofia sophia sophie stephanie stephen
steven susan teresa theresa thomas timothy tyler victoria vincent virginia walter wayne wei
william willie yusuf zachary
"""

GIVEN_NAMES = frozenset(_COMMON.split())
