"""Drawing a result: report.html, figures, tables, methods paragraph, and the table on the terminal.

Nothing is computed here that report.json does not hold; see `cadkit.evaluation.schema` for its shape.
"""

from cadkit.report.charts import Chart
from cadkit.report.compared import compared_tables
from cadkit.report.methods import methods
from cadkit.report.notebook import EvaluationReport
from cadkit.report.sentences import Methods
from cadkit.report.terminal import terminal_table
from cadkit.report.writing import write_report

__all__ = ["Chart", "EvaluationReport", "Methods", "compared_tables", "methods", "terminal_table", "write_report"]
