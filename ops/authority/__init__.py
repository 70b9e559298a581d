"""Authority: the permission table, and the broker configuration that is made from it.

Credentials decide what a process may do, not code review. Between the services of the CORE
account the table stops mistakes and limits damage; a hostile holder of a CORE credential could
still make the broker send to subjects of others (through the reply subject of a publish, or the
delivery subject of a consumer). The LLM account, whose holder is assumed hostile, has no such
way: it reaches CORE through service imports of exactly what it may propose.
"""
