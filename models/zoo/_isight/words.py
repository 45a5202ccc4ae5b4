"""The five questions of iSight with their options, in the order of the published heads, and its cell types."""

from __future__ import annotations

from models.spec import Question

INTENSITY = ("negative", "weak", "moderate", "strong")
LOCATION = ("none", "cytoplasmic/membranous", "nuclear", "cytoplasmic/membranous,nuclear")
QUANTITY = ("none", "<25%", "25%-75%", ">75%")
TISSUE = (
    "adipose", "adrenal gland", "appendix", "bone marrow", "breast", "bronchus", "carcinoid", "caudate", "cerebellum",
    "cerebral cortex", "cervical", "cervix", "colon", "colorectal", "duodenum", "endometrial", "endometrium",
    "epididymis", "esophagus", "fallopian tube", "gallbladder", "glioma", "head and neck", "heart muscle",
    "hippocampus", "kidney", "liver", "lung", "lymph node", "lymphoma", "melanoma", "nasopharynx", "oral mucosa",
    "ovarian", "ovary", "pancreas", "pancreatic", "parathyroid gland", "placenta", "prostate", "rectum", "renal",
    "salivary gland", "seminal vesicle", "skeletal muscle", "skin", "small intestine", "smooth muscle", "soft",
    "spleen", "stomach", "testis", "thyroid", "thyroid gland", "tonsil", "urinary bladder", "urothelial", "vagina",
)
MALIGNANCY = ("normal", "cancer")
QUESTIONS = (
    Question(key="intensity", title="Staining intensity", options=INTENSITY, ordered=True),
    Question(key="location", title="Where in the cell", options=LOCATION),
    Question(key="quantity", title="Share of stained cells", options=QUANTITY, ordered=True),
    Question(key="tissue", title="Tissue", options=TISSUE),
    Question(key="malignancy", title="Malignancy", options=MALIGNANCY),
)
"""In the order of the published `classifiers.0` to `classifiers.4`."""
CELLS = (
    "Glandular cells", "Exocrine glandular cells", "Tumor cells", "Cholangiocytes", "Adipocytes",
    "Squamous epithelial cells", "Glial cells", "Cells in endometrial stroma", "Cells in red pulp", "Alveolar cells",
    "Respiratory epithelial cells", "Cells in granular layer", "Endothelial cells", "Fibroblasts", "Decidual cells",
    "Cells in glomeruli", "Myocytes", "Cells in seminiferous ducts", "Hematopoietic cells", "Germinal center cells",
    "Cardiomyocytes", "Urothelial cells", "Trophoblastic cells", "Smooth muscle cells", "Ovarian stroma cells",
    "Follicle cells", "Epidermal cells", "Chondrocytes", "Hepatocytes", "Lymphoid tissue",
    "Non-germinal center cells", "Cells in molecular layer", "Keratinocytes", "Peripheral nerve", "Cells in tubules",
    "Neuronal cells", "Leydig cells", "Cells in white pulp", "Langerhans",
)
