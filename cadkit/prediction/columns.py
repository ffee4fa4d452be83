"""The tables of a prediction folder: their names, and the columns that they have."""

LEVELS = {"image": ("image_id",), "breast": ("exam_id", "side"), "exam": ("exam_id",)}
FILES = {"image": "images", "breast": "breasts", "exam": "exams"}
ID_COLUMNS = ("image_id", "exam_id", "side")
BOX = ("x0", "y0", "x1", "y1")
MARK_COLUMNS = ("image_id", "label", "x", "y", "x0", "y0", "x1", "y1", "score")
SKIPPED_COLUMNS = ("level", "id", "reason")
ROI_COLUMNS = ("image_id", "x", "y", "x0", "y0", "x1", "y1", "attention")
