"""The documentation: its pages, and the code that writes or draws what the program itself knows better.

python -m mkdocs build --strict          # the site, in build/site; see mkdocs.yml
python -m docs.drawing                   # the pictures, in docs/pictures
"""
