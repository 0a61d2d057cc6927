"""The report page: one HTML file that shows a fit to people, in any browser, without a network.

page = page_of(open_result(Path("results/clip")), figures)      # plain values (page.py)
write_page(page, Path("results/clip"))                          # report.html
"""

from fitter.visualize.report.build import page_of
from fitter.visualize.report.write import REPORT_FILE, write_page

__all__ = ["REPORT_FILE", "page_of", "write_page"]
