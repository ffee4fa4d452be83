"""The literature that a methods paragraph cites."""

from __future__ import annotations

REFERENCES = {
    "stard": "Bossuyt PM, Reitsma JB, Bruns DE, et al. STARD 2015: an updated list of essential items for reporting "
    "diagnostic accuracy studies. BMJ. 2015;351:h5527.",
    "pr": "Davis J, Goadrich M. The relationship between precision-recall and ROC curves. In: Proceedings of the 23rd "
    "International Conference on Machine Learning; 2006. p. 233-240.",
    "mcclish": "McClish DK. Analyzing a portion of the ROC curve. Med Decis Making. 1989;9(3):190-195.",
    "bootstrap": "Efron B, Tibshirani RJ. An introduction to the bootstrap. New York: Chapman & Hall; 1993.",
    "clusters": "Rutter CM. Bootstrap estimation of diagnostic accuracy with patient-clustered data. Acad Radiol. "
    "2000;7(6):413-419.",
    "bca": "Efron B. Better bootstrap confidence intervals. J Am Stat Assoc. 1987;82(397):171-185.",
    "delong": "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver "
    "operating characteristic curves: a nonparametric approach. Biometrics. 1988;44(3):837-845.",
    "obuchowski": "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics. 1997;53(2):567-578.",
    "wilson": "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc. "
    "1927;22(158):209-212.",
    "mcnemar": "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
    "Psychometrika. 1947;12(2):153-157.",
    "holm": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat. 1979;6(2):65-70.",
    "froc": "Bunch PC, Hamilton JF, Sanderson GK, Simmons AH. A free-response approach to the measurement and "
    "characterization of radiographic-observer performance. J Appl Photogr Eng. 1978;4(4):166-171.",
    "chakraborty": "Chakraborty DP. Observer performance methods for diagnostic imaging. Boca Raton: CRC Press; 2017.",
    "gmic": "Shen Y, Wu N, Phang J, et al. An interpretable classifier for high-resolution breast cancer screening "
    "images utilizing weakly supervised localization. Med Image Anal. 2021;68:101908.",
    "pxap": "Choe J, Oh SJ, Lee S, Chun S, Akata Z, Shim H. Evaluating weakly supervised object localization methods "
    "right. In: Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition; 2020. p. 3133-3142.",
    "brier": "Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev. 1950;78(1):1-3.",
    "ece": "Naeini MP, Cooper GF, Hauskrecht M. Obtaining well calibrated probabilities using Bayesian binning. In: "
    "Proceedings of the 29th AAAI Conference on Artificial Intelligence; 2015. p. 2901-2907.",
    "benefit": "Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction models. Med "
    "Decis Making. 2006;26(6):565-574.",
}
