"""Reads PDF: text in reading order, headings, embedded pictures, pages without text."""

from loaders.pdf.loader import PdfLoader

__all__ = ["PdfLoader"]
