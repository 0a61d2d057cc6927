"""How good a fit is: truth and readers of annotated data sets, measures, tables; `python -m fitter.evaluate`.

truth, = read_truth(Path("annotations.json"), frames=(65, 108))          # fitter.evaluate.find_truth
errors = compare(FitResult.load(Path("results/clip")), truth)            # fitter.evaluate.compare
print(scores_of(errors).pa_mpjpe_mm)                                     # fitter.evaluate.measures
"""
