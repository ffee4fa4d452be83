"""Faster R-CNN for screening exams (Févry et al. 2019), for cadkit."""

from cadkit_faster_rcnn.config import FasterRcnnConfig
from cadkit_faster_rcnn.plugin import FasterRcnn

__all__ = ["FasterRcnn", "FasterRcnnConfig"]
