"""What an operator does to an installation as a whole: remove what nobody needs, back up, restore.

It works on the stores; it knows nothing of stages, of Airflow, or of the service.
"""
